package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/internal/certs"
	"lockstep/runtime"
)

// adminWorld is a directory with what it takes to control a process over TCP.
type adminWorld struct {
	t   *testing.T
	dir string
}

func (w *adminWorld) path(name string) string { return filepath.Join(w.dir, name) }

func (w *adminWorld) write(name string, text []byte) {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), text, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// issue writes a certificate of an authority and its key.
func (w *adminWorld) issue(ca *certs.Authority, name string, hosts ...string) {
	w.t.Helper()
	cert, key, err := ca.Issue(hosts...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(name+".pem", cert)
	w.write(name+".key", key)
}

// serve starts a process with an admin policy, at a port of its own.
func (w *adminWorld) serve(admin string) (addr string, err error) {
	w.t.Helper()
	w.write("agent.yaml", []byte("listeners: [{endpoint_id: svc, addr: '1', timeout: 1s}]\n"))
	w.write("lockstep.yaml", []byte("version: 1\nruntime: {admin: {"+admin+"}}\n"))
	server, err := runtime.New(runtime.Options{
		Config: w.path("agent.yaml"), Policy: w.path("lockstep.yaml"), Listen: "127.0.0.1:0", Admin: "127.0.0.1:0",
		Node: "n1", Now: time.Now,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := server.Start(w.t.Context()); err != nil {
		return "", err
	}
	w.t.Cleanup(func() {
		if err := server.Stop(context.WithoutCancel(w.t.Context())); err != nil {
			w.t.Error(err)
		}
	})
	return server.AdminAddr(), nil
}

// ctl runs a command line; flags are relative to the directory.
func (w *adminWorld) ctl(args ...string) (status int, stdout, stderr string) {
	w.t.Helper()
	var out, complaints bytes.Buffer
	p := &process{
		stdin: strings.NewReader(""), stdout: &out, stderr: &complaints,
		getenv: func(string) string { return "" }, now: time.Now,
	}
	status = p.run(w.t.Context(), append([]string{"lockstep", "ctl"}, args...))
	return status, out.String(), complaints.String()
}

// TestCtlOverTCP asks with and without what the policy demands, and after the
// token was replaced. Command lines of one process take turns, as the flags of
// help and version are global in urfave/cli.
func TestCtlOverTCP(t *testing.T) {
	w := &adminWorld{t, t.TempDir()}
	ca, other := newAuthority(t), newAuthority(t)
	w.write("ca.pem", ca.Root())
	w.issue(ca, "admin", "127.0.0.1")
	w.issue(ca, "ops", "ops")
	w.issue(other, "stranger", "ops")
	w.write("token", []byte("canary-1\n"))
	w.write("wrong", []byte("canary-2\n"))
	tls := "cert: admin.pem, key: admin.key"
	token, wrong := []string{"--token", "file:" + w.path("token")}, []string{"--token", "file:" + w.path("wrong")}
	cas := []string{"--ca", w.path("ca.pem")}
	client := func(name string) []string {
		return append([]string{"--cert", w.path(name + ".pem"), "--key", w.path(name + ".key")}, cas...)
	}
	for name, test := range map[string]struct {
		policy string
		flags  []string
		want   int
	}{
		"token":                     {"token: file:token", token, statusOK},
		"no token":                  {"token: file:token", nil, statusFindings},
		"wrong token":               {"token: file:token", wrong, statusFindings},
		"token over TLS":            {"token: file:token, " + tls, append(cas, token...), statusOK},
		"wrong token over TLS":      {"token: file:token, " + tls, append(cas, wrong...), statusFindings},
		"TLS is spoken plain":       {"token: file:token, " + tls, token, statusIncomplete},
		"certificate":               {tls + ", client_ca: ca.pem", client("ops"), statusOK},
		"no certificate":            {tls + ", client_ca: ca.pem", cas, statusIncomplete},
		"stranger's certificate":    {tls + ", client_ca: ca.pem", client("stranger"), statusIncomplete},
		"certificate without token": {"token: file:token, " + tls + ", client_ca: ca.pem", client("ops"), statusFindings},
		"both":                      {"token: file:token, " + tls + ", client_ca: ca.pem", append(client("ops"), token...), statusOK},
		"missing CA file":           {"token: file:token", []string{"--ca", "none.pem"}, statusUsage},
	} {
		t.Run(name, func(t *testing.T) {
			own := &adminWorld{t, t.TempDir()}
			if err := os.CopyFS(own.dir, os.DirFS(w.dir)); err != nil {
				t.Fatal(err)
			}
			addr, err := own.serve(test.policy)
			if err != nil {
				t.Fatal(err)
			}
			status, stdout, stderr := own.ctl(append([]string{"status", "--admin", addr}, test.flags...)...)
			if status != test.want || (status == statusOK) != strings.HasPrefix(stdout, "n1 serves version 1, ") || strings.Contains(stderr, "canary") {
				t.Errorf("status %d, want %d: %s%s", status, test.want, stdout, stderr)
			}
		})
	}
}

// TestAdminNeedsProtection refuses to start where everybody could act.
func TestAdminNeedsProtection(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]string{
		"":                           "everybody who can reach it could act",
		"token: file:none":           "token: secret file:none: no such file",
		"cert: none.pem, key: k.pem": "none.pem",
	} {
		w := &adminWorld{t, t.TempDir()}
		if _, err := w.serve(policy); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", policy, err, want)
		}
	}
}

func newAuthority(t *testing.T) *certs.Authority {
	t.Helper()
	ca, err := certs.NewAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return ca
}
