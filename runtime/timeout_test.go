package runtime

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// silent accepts connections and never says a word.
func silent(t *testing.T) string {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var conns []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		<-done
		for _, c := range conns {
			_ = c.Close()
		}
	})
	return ln.Addr().String()
}

// TestTimeoutBoundsEverythingBeforeTheAnswer holds the listener's timeout
// against an upstream that stops at each step.
func TestTimeoutBoundsEverythingBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	silence, pipe := io.Pipe()
	t.Cleanup(func() { _ = pipe.Close() })
	for name, test := range map[string]struct {
		scheme string
		body   io.Reader
	}{
		"handshake": {"https://", http.NoBody},
		"header":    {"http://", http.NoBody},
		"body":      {"http://", bytes.NewReader(make([]byte, 64<<20))},
		"silence":   {"http://", silence},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, test.scheme+silent(t))
			w.write("agent.yaml", strings.Replace(w.read("agent.yaml"), "timeout: 5s", "timeout: 300ms", 1))
			w.start()
			ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+w.server.Addr()+"/x", test.body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-Piko-Endpoint", "svc")
			resp, err := w.client.Do(req)
			if err != nil {
				t.Fatalf("no answer in time: %v", err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusGatewayTimeout {
				t.Errorf("status %d, want 504", resp.StatusCode)
			}
		})
	}
}

// TestRefusalDoesNotWaitForTheBody sends the header of a request and never
// its body: the answer comes all the same, and a stop is not held up.
func TestRefusalDoesNotWaitForTheBody(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{"svc": "405", "nobody": "502", "": "400"} {
		w := newWorld(t, echo(t, "up").URL)
		w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
		w.start()
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", w.server.Addr())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Piko-Endpoint: %s\r\nContent-Length: 1000\r\n\r\n", target, endpoint)
		if err := conn.SetReadDeadline(time.Now().Add(4 * time.Second)); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.Contains(line, want) {
			t.Errorf("%s: answered %q, %v; want %s", endpoint, line, err, want)
		}
		began := time.Now()
		w.stop()
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("%s: stopping took %v", endpoint, took)
		}
		_ = conn.Close()
	}
}

// TestEventsIntoAPipe refuses a place for events that could block.
func TestEventsIntoAPipe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.opts.Events = w.path("pipe")
	if err := syscall.Mkfifo(w.opts.Events, 0o600); err != nil {
		t.Fatal(err)
	}
	server, err := New(w.opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "it is not a regular file") {
		t.Errorf("error %v", err)
	}
}

// TestFlushAtTheNewPace changes the interval from an hour to an instant.
func TestFlushAtTheNewPace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.write("policy.yaml", strings.Replace(plainPolicy, "20ms", "1h", 1))
	w.start()
	w.replace("policy.yaml", plainPolicy)
	w.applied(1)
	w.eventually("heartbeats", func() bool { return len(w.events(w.opts.Events)) > 3 })
}
