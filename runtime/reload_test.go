package runtime

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/internal/certs"
)

// tlsWorld has the listener svc, which is not encrypted, and the listener
// tls, whose upstream demands a client certificate of the same authority.
type tlsWorld struct {
	*world
	plain, secure, other string // addresses of upstreams
	ca                   *certs.Authority
}

func newTLSWorld(t *testing.T) *tlsWorld {
	t.Helper()
	w := &tlsWorld{world: newWorld(t, ""), plain: echo(t, "up").URL, other: echo(t, "other").URL, ca: authority(t)}
	w.secure = tlsEcho(t, w.ca, true).URL
	cert, key := issue(t, w.ca, "client")
	w.write("cert.pem", cert)
	w.write("key.pem", key)
	w.write("ca.pem", string(w.ca.Root()))
	w.write("agent.yaml", w.config(w.plain))
	return w
}

// config has svc forward to addr.
func (w *tlsWorld) config(addr string) string {
	return fmt.Sprintf(`listeners:
  - {endpoint_id: svc, addr: %q, timeout: 5s}
  - endpoint_id: tls
    addr: %q
    timeout: 5s
    tls: {cert: %s, key: %s, root_cas: %s}
`, addr, w.secure, w.path("cert.pem"), w.path("key.pem"), w.path("ca.pem"))
}

// A reloadCase edits one file: to something bad, and to something good whose
// effect can be seen.
type reloadCase struct {
	file      string
	bad       string
	good      func(w *tlsWorld) string
	seen      func(w *tlsWorld) bool // good has taken effect
	tolerated bool                   // bad is applied with an alarm
	holds     string                 // the listener that bad holds, if it is not the file
}

func reloadCases() map[string]reloadCase {
	unsigned := func(status int) func(*tlsWorld) bool {
		return func(w *tlsWorld) bool { got, _ := w.get(target); return got == status }
	}
	secured := func(status int) func(*tlsWorld) bool {
		return func(w *tlsWorld) bool { got, _ := w.send(http.MethodGet, "tls", "/"); return got == status }
	}
	annotated := func(file string) func(w *tlsWorld) string {
		return func(w *tlsWorld) string { return "annotated\n" + w.read(file) }
	}
	return map[string]reloadCase{
		"config": {
			file: "agent.yaml", bad: "listeners:\n  - {endpoint_id: svc, addr: ",
			good: func(w *tlsWorld) string { return w.config(w.other) },
			seen: func(w *tlsWorld) bool { _, body := w.get(target); return strings.Contains(body, `"name":"other"`) },
		},
		"rollout": {
			file: "rollout.yaml", bad: "version: 1\n",
			good: func(*tlsWorld) string { return rollout("key/demo/k1", "enforce", "file:k1") },
			seen: unsigned(http.StatusUnauthorized),
		},
		"policy": {
			file: "policy.yaml", bad: "version: 1\nlistener: {}\n",
			good: func(*tlsWorld) string {
				return strings.Replace(plainPolicy, "app: demo}", "app: demo, identity: [peer]}", 1)
			},
			seen: func(w *tlsWorld) bool {
				return w.server.current.Load().routes["svc"].auth.identity[0].Kind == "peer"
			},
		},
		"key file": {
			file: "k1", bad: "", tolerated: true,
			good: func(*tlsWorld) string { return secret2 },
			seen: func(w *tlsWorld) bool {
				before := w.metrics()[`lockstep_auth_requests_total{endpoint="svc",mode="observe",outcome="ok",reason=""}`]
				w.get(target, sign(w.t, secret2, target)...)
				return before != w.metrics()[`lockstep_auth_requests_total{endpoint="svc",mode="observe",outcome="ok",reason=""}`]
			},
		},
		"certificate": {file: "cert.pem", bad: "no certificate", holds: "tls", good: annotated("cert.pem"), seen: secured(http.StatusOK)},
		"private key": {file: "key.pem", bad: "no key", holds: "tls", good: annotated("key.pem"), seen: secured(http.StatusOK)},
		"root CAs": {
			file: "ca.pem", bad: "no authority", holds: "tls",
			good: func(w *tlsWorld) string { return string(authority(w.t).Root()) },
			seen: secured(http.StatusBadGateway),
		},
	}
}

func (w *world) read(name string) string {
	w.t.Helper()
	text, err := os.ReadFile(w.path(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// TestValidInvalidValid edits each file that is watched, in each way of
// saving, from good to bad to good and round again. A watcher that dies of a
// bad edit, or misses every second one, fails here.
func TestValidInvalidValid(t *testing.T) {
	t.Parallel()
	ways := map[string]func(w *world, name, text string){
		"in place": (*world).write, "by rename": (*world).replace, "deleted before": (*world).recreate,
	}
	for name, test := range reloadCases() {
		for way, save := range ways {
			t.Run(name+" "+way, func(t *testing.T) {
				t.Parallel()
				w := newTLSWorld(t)
				w.start()
				first, second := w.read(test.file), test.good(w)
				for _, good := range []string{second, first, second} {
					w.spoil(save, test)
					number := w.server.Status().Good.Number
					save(w.world, test.file, good)
					w.applied(number)
				}
				w.eventually("effect of the last good content", func() bool { return test.seen(w) })
			})
		}
	}
}

// spoil saves the bad content and waits until it was found to be bad.
func (w *tlsWorld) spoil(save func(w *world, name, text string), test reloadCase) {
	w.t.Helper()
	number := w.server.Status().Good.Number
	save(w.world, test.file, test.bad)
	if test.tolerated {
		w.applied(number)
		if alarms := strings.Join(w.server.Status().Alarms, "; "); !strings.Contains(alarms, "the one loaded before stays") {
			w.t.Errorf("alarms %q", alarms)
		}
		return
	}
	if test.holds != "" {
		version := w.listener(test.holds).Version
		if text := w.held(number, test.holds); !strings.Contains(text, w.dir) {
			w.t.Errorf("the fault names no file: %s", text)
		}
		if got := w.listener(test.holds).Version; got != version {
			w.t.Errorf("version %d of the listener is served, want the last good %d", got, version)
		}
	} else {
		if text := w.rejected(); !strings.Contains(text, w.dir) {
			w.t.Errorf("the rejection names no file: %s", text)
		}
		if got := w.server.Status().Good.Number; got != number {
			w.t.Errorf("version %d is served, want the last good %d", got, number)
		}
	}
	if status, _ := w.get(target, sign(w.t, secret1, target)...); status != http.StatusOK {
		w.t.Errorf("the last good version answers %d", status)
	}
}

// recreate deletes the file and waits before it writes it.
func (w *world) recreate(name, text string) {
	w.t.Helper()
	if err := os.Remove(w.path(name)); err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(60 * time.Millisecond) // long enough for the watcher to look
	w.write(name, text)
}

// TestConfigMap swaps the link ..data as a kubelet does, three times, with
// the files of a mount: their own directory entries never change.
func TestConfigMap(t *testing.T) {
	t.Parallel()
	up, other := echo(t, "up").URL, echo(t, "other").URL
	w := newWorld(t, up)
	mount := w.path("mount")
	if err := os.Mkdir(mount, 0o700); err != nil {
		t.Fatal(err)
	}
	w.publish(mount, "..1", up)
	if err := os.Symlink(filepath.Join("..data", "agent.yaml"), filepath.Join(mount, "agent.yaml")); err != nil {
		t.Fatal(err)
	}
	w.opts.Config = filepath.Join(mount, "agent.yaml")
	w.start()
	for i, addr := range []string{other, up, other} {
		w.publish(mount, fmt.Sprintf("..%d", i+2), addr)
		w.applied(i + 1)
		if err := os.RemoveAll(filepath.Join(mount, fmt.Sprintf("..%d", i+1))); err != nil {
			t.Fatal(err)
		}
	}
	if _, body := w.get("/"); !strings.Contains(body, `"name":"other"`) {
		t.Errorf("after three swaps: %s", body)
	}
}

// publish makes a new directory the one that ..data leads to.
func (w *world) publish(mount, dir, addr string) {
	w.t.Helper()
	if err := os.Mkdir(filepath.Join(mount, dir), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(mount, dir, "agent.yaml"), []byte(agentConfig(addr)), 0o600); err != nil {
		w.t.Fatal(err)
	}
	link := filepath.Join(mount, "..data_tmp")
	if err := os.Symlink(dir, link); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Rename(link, filepath.Join(mount, "..data")); err != nil {
		w.t.Fatal(err)
	}
}

// TestParentReplaced swaps the whole directory of the config.
func TestParentReplaced(t *testing.T) {
	t.Parallel()
	up, other := echo(t, "up").URL, echo(t, "other").URL
	w := newWorld(t, up)
	conf := func(dir, addr string) {
		if err := os.Mkdir(w.path(dir), 0o700); err != nil {
			t.Fatal(err)
		}
		w.write(filepath.Join(dir, "agent.yaml"), agentConfig(addr))
	}
	conf("conf", up)
	w.opts.Config = w.path("conf/agent.yaml")
	w.start()
	for i, addr := range []string{other, up} {
		conf("next", addr)
		if err := os.Rename(w.path("conf"), w.path(fmt.Sprint("old", i))); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(w.path("next"), w.path("conf")); err != nil {
			t.Fatal(err)
		}
		w.applied(i + 1)
	}
}

// TestCertificateRotation writes a certificate and, later, its key: in
// between they do not fit, which is nothing to report.
func TestCertificateRotation(t *testing.T) {
	t.Parallel()
	w := newTLSWorld(t)
	w.hold = defaultPace().hold
	w.start()
	cert, key := issue(t, w.ca, "client")
	w.replace("cert.pem", cert)
	time.Sleep(200 * time.Millisecond)
	w.replace("key.pem", key)
	w.applied(1)
	if status, body := w.send(http.MethodGet, "tls", "/"); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	if strings.Contains(w.log.String(), "the listener is held") {
		t.Errorf("the listener was held on the way:\n%s", w.log.String())
	}
}

// TestTakenBack has a bad edit undone: nothing is applied, and all is well.
func TestTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL).start()
	good := w.read("agent.yaml")
	w.write("agent.yaml", "nonsense")
	w.rejected()
	w.write("agent.yaml", good)
	w.eventually("good status", func() bool { return w.server.Status().Err == nil })
	if got := w.server.Status().Good.Number; got != 1 {
		t.Errorf("version %d", got)
	}
	if w.metrics()["lockstep_config_last_reload_successful"] != "1" {
		t.Error("the metric still says that the files are bad")
	}
	if strings.Count(w.log.String(), "rejected, the last good version stays") != 1 {
		t.Errorf("not logged once:\n%s", w.log.String())
	}
}

// TestMendedElsewhere rejects a config for a file in a directory that the
// version before had nothing to do with, and mends that file alone.
func TestMendedElsewhere(t *testing.T) {
	t.Parallel()
	w := newTLSWorld(t)
	elsewhere := t.TempDir()
	w.start()
	w.replace("agent.yaml", strings.Replace(w.config(w.plain), w.path("ca.pem"), filepath.Join(elsewhere, "ca.pem"), 1))
	if text := w.held(1, "tls"); !strings.Contains(text, "root_cas") {
		t.Errorf("held: %s", text)
	}
	start := time.Now()
	if err := os.WriteFile(filepath.Join(elsewhere, "ca.pem"), w.ca.Root(), 0o600); err != nil {
		t.Fatal(err)
	}
	w.applied(2)
	if took := time.Since(start); took > defaultPace().poll/2 {
		t.Errorf("found by polling after %v", took)
	}
}

// TestDigest tells apart what a mere concatenation would not.
func TestDigest(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	text := func(text string) content { return contentOf([]byte(text), nil) }
	for i, files := range []map[string]content{
		{},
		{"a": text("")},
		{"a": contentOf(nil, os.ErrNotExist)},
		{"a": text("x")},
		{"b": text("x")},
		{"a": text("x"), "b": text("y")},
		{"a": text("xb\x000\x00y")},
		{"a": text("xb\x001\x00y")},
		{"a": text("xb\x00\x00y")},
		{"a\x00" + text("x").digest + "\x00b": text("y")},
	} {
		digest := (&inputs{files: files}).sum()
		if other, twice := seen[digest]; twice {
			t.Errorf("inputs %d and %d have one digest", other, i)
		}
		seen[digest] = i
	}
}
