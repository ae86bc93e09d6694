package runtime

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"lockstep/schemas"
)

// observeOne has the upstream of svc observed.
func observeOne(t *testing.T, p *pkiWorld, addr string) *world {
	t.Helper()
	w, _ := newStagedWorld(t, p)
	w.write("agent.yaml", fmt.Sprintf("listeners:\n  - {endpoint_id: svc, addr: %q, timeout: 5s, tls: {insecure_skip_verify: true, root_cas: %q}}\n",
		addr, w.path("root.pem")))
	w.write("rollout.yaml", stagedRollout("observe", "", "svc"))
	return w
}

// protoServer answers with the version of HTTP that it was asked in, and counts
// the connections that were resumed.
func protoServer(t *testing.T, p *pkiWorld, keepAlive bool, change func(*tls.Config)) (server *httptest.Server, resumed *atomic.Int64) {
	t.Helper()
	resumed = &atomic.Int64{}
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS.DidResume {
			resumed.Add(1)
		}
		fmt.Fprint(w, r.Proto)
	}))
	server.TLS, server.EnableHTTP2 = &tls.Config{Certificates: []tls.Certificate{p.root.issue(t, "leaf", pkiLeaf).pair()}}, keepAlive
	change(server.TLS)
	server.Config.SetKeepAlivesEnabled(keepAlive)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, resumed
}

// TestStagedProtocols: an upstream that is watched is spoken to in the same
// versions of HTTP as any other.
func TestStagedProtocols(t *testing.T) {
	t.Parallel()
	p := newPKIWorld(t)
	server, _ := protoServer(t, p, true, func(*tls.Config) {})
	w := observeOne(t, p, server.URL).start()
	if _, got := w.get("/"); got != "HTTP/2.0" {
		t.Errorf("a request arrives in %s", got)
	}
	if _, got := w.get("/", "Connection", "Upgrade", "Upgrade", "websocket"); got != "HTTP/1.1" {
		t.Errorf("an upgrade arrives in %s", got)
	}
}

// TestStagedSessions: each of many short connections counts, in TLS 1.2 as in
// TLS 1.3, as no session is resumed.
func TestStagedSessions(t *testing.T) {
	t.Parallel()
	p := newPKIWorld(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		server, resumed := protoServer(t, p, false, func(c *tls.Config) { c.MaxVersion = version })
		w := observeOne(t, p, server.URL).start()
		const requests = 20
		for range requests {
			if status, _ := w.get("/"); status != http.StatusOK {
				t.Fatal(status)
			}
		}
		w.stop()
		if got := w.reasonsOf("svc"); got[schemas.ReasonNone] != requests+1 || resumed.Load() > 0 { // and run's own
			t.Errorf("version %x: %v handshakes, %d resumed; want %d and none", version, got, resumed.Load(), requests+1)
		}
	}
}

// TestStagedClientCertificate: an upstream gets the certificate that it asks
// for, and it is told where it does not.
func TestStagedClientCertificate(t *testing.T) {
	t.Parallel()
	p := newPKIWorld(t)
	server, _ := protoServer(t, p, true, func(c *tls.Config) {
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		c.ClientCAs.AddCert(p.root.cert)
	})
	client := p.root.issue(t, "us", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	key, err := x509.MarshalPKCS8PrivateKey(client.key)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		more   string
		status int
		reason schemas.Reason
	}{
		{"", http.StatusBadGateway, schemas.ReasonTLSClientCertificate},
		{", cert: DIR/us.pem, key: DIR/us.key", http.StatusOK, schemas.ReasonNone},
	} {
		w := observeOne(t, p, server.URL)
		w.write("agent.yaml", fmt.Sprintf("listeners:\n  - {endpoint_id: svc, addr: %q, timeout: 5s, tls: {insecure_skip_verify: true, root_cas: %q%s}}\n",
			server.URL, w.path("root.pem"), strings.ReplaceAll(c.more, "DIR", w.dir)))
		w.write("us.pem", client.pem())
		w.write("us.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
		w.start()
		if status, _ := w.get("/"); status != c.status {
			t.Errorf("%q: %d, want %d", c.more, status, c.status)
		}
		w.eventually("reason "+string(c.reason), func() bool { return w.reasonsOf("svc")[c.reason] > 0 })
	}
}
