package runtime

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"lockstep/internal/certs"
)

// tlsGuests is an upstream that knows its connections. It answers /slow once
// leave is closed.
type tlsGuests struct {
	*httptest.Server
	arrived chan string // protocols of slow requests
	leave   chan struct{}

	mu   sync.Mutex
	open map[net.Conn]bool
}

func newTLSGuests(t *testing.T, ca *certs.Authority, http2 bool) *tlsGuests {
	t.Helper()
	cert, key := issue(t, ca, "127.0.0.1")
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	g := &tlsGuests{arrived: make(chan string), leave: make(chan struct{}), open: map[net.Conn]bool{}}
	g.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			g.arrived <- r.Proto
			select {
			case <-g.leave:
			case <-r.Context().Done():
			}
		}
		fmt.Fprint(w, "served")
	}))
	g.TLS, g.EnableHTTP2 = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, http2
	g.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.open[conn] = true; state == http.StateClosed {
			delete(g.open, conn)
		}
	}
	g.StartTLS()
	t.Cleanup(g.Close)
	return g
}

func (g *tlsGuests) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.open)
}

// TestVerificationTakesNoOldConnection switches insecure_skip_verify off while
// a request is under way. No request that comes after goes over a connection
// that was not verified, not even one that could be used at once; and none of
// those is left when the request under way has ended.
func TestVerificationTakesNoOldConnection(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ca := authority(t)
			g := newTLSGuests(t, ca, http2)
			config := func(tls string) string { return listenersConfig(listenerLine("svc", g.URL, ", tls: {"+tls+"}")) }
			w := newWorld(t, "")
			w.write("ca.pem", string(ca.Root()))
			w.write("alien.pem", string(authority(t).Root()))
			w.write("agent.yaml", config("insecure_skip_verify: true"))
			w.start()
			if status, body := w.get("/"); status != http.StatusOK {
				t.Fatalf("unverified: %d %s", status, body)
			}
			slow := make(chan string, 1)
			go func() { status, body := w.get("/slow"); slow <- fmt.Sprint(status, body) }()
			if proto := <-g.arrived; proto != name {
				t.Fatalf("the upstream is asked by %s", proto)
			}
			if n := g.count(); n == 0 {
				t.Fatal("no connection is open")
			}
			w.replace("agent.yaml", config("root_cas: "+w.path("alien.pem")))
			w.applied(1)
			for range 5 {
				if status, body := w.get("/"); status != http.StatusBadGateway {
					t.Errorf("a request that comes after is answered %d %s", status, body)
				}
			}
			close(g.leave)
			if got := <-slow; got != "200served" {
				t.Errorf("the request under way got %s", got)
			}
			w.eventually("end of the unverified connections", func() bool { return g.count() == 0 })
			w.replace("agent.yaml", config("root_cas: "+w.path("ca.pem")))
			w.applied(2)
			if status, body := w.get("/"); status != http.StatusOK || !strings.Contains(body, "served") {
				t.Errorf("verified: %d %s", status, body)
			}
		})
	}
}

// TestVerificationAfterAbort is the same where the client under way gives up:
// nothing is left of its connection either.
func TestVerificationAfterAbort(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ca := authority(t)
			g := newTLSGuests(t, ca, http2)
			w := newWorld(t, "")
			w.write("ca.pem", string(ca.Root()))
			w.write("agent.yaml", listenersConfig(listenerLine("svc", g.URL, ", tls: {insecure_skip_verify: true}")))
			w.start()
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.server.Addr())
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(conn, "GET /slow HTTP/1.1\r\nHost: svc.example.com\r\n\r\n")
			<-g.arrived
			w.replace("agent.yaml", listenersConfig(listenerLine("svc", g.URL, ", tls: {root_cas: "+w.path("ca.pem")+"}")))
			w.applied(1)
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
			w.eventually("end of the unverified connections", func() bool { return g.count() == 0 })
		})
	}
}
