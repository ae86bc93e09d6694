package runtime

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestDirectReuses has many requests in turn share one connection.
func TestDirectReuses(t *testing.T) {
	t.Parallel()
	for name, answer := range oddAnswers() {
		switch name {
		case "plain", "empty", "no content", "not modified", "chunked", "trailer", "early hints", "1.0, kept", "length, chunked":
		default:
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conns := make(chan net.Conn, 16)
			addr := listenRaw(t, func(conn net.Conn) {
				conns <- conn
				for r := bufio.NewReader(conn); ; {
					if _, err := readHead(r); err != nil {
						return
					}
					_, _ = io.WriteString(conn, answer)
				}
			})
			u := testUpstream(t, addr, true)
			for range 10 {
				if s := askRaw(t, u, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"); s.Cut {
					t.Fatal(s)
				}
			}
			if len(conns) != 1 {
				t.Errorf("10 requests took %d connections", len(conns))
			}
		})
	}
}

func getRequest(t *testing.T) *http.Request {
	t.Helper()
	return httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/a", http.NoBody)
}

// TestDirectStaleConnections has upstreams do to a connection what they like
// between two requests. Each next request gets its own answer.
func TestDirectStaleConnections(t *testing.T) {
	t.Parallel()
	for name, between := range map[string]func(conn net.Conn, r *bufio.Reader){
		"closed":      func(net.Conn, *bufio.Reader) {},
		"reset":       func(conn net.Conn, _ *bufio.Reader) { _ = conn.(*net.TCPConn).SetLinger(0) },
		"unasked 408": func(conn net.Conn, _ *bufio.Reader) { _, _ = io.WriteString(conn, "HTTP/1.1 408 Late\r\n\r\n") },
		// The upstream has the request when it closes: this is the retry.
		"closed late": func(_ net.Conn, r *bufio.Reader) { _, _ = readHead(r) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ready := make(chan struct{}, 16)
			addr := listenRaw(t, func(conn net.Conn) {
				defer func() { ready <- struct{}{} }()
				defer conn.Close()
				r := bufio.NewReader(conn)
				if _, err := readHead(r); err != nil {
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				if name == "closed late" {
					ready <- struct{}{}
				}
				between(conn, r)
			})
			u := testUpstream(t, addr, true)
			for i := range 5 {
				w := httptest.NewRecorder()
				u.ServeHTTP(w, getRequest(t))
				if w.Code != http.StatusOK {
					t.Fatalf("request %d: %d %s", i, w.Code, w.Body)
				}
				<-ready
			}
		})
	}
}

// TestDirectRetriesNoFreshConnection asks an upstream once that hangs up.
func TestDirectRetriesNoFreshConnection(t *testing.T) {
	t.Parallel()
	heads := make(chan string, 16)
	addr := listenRaw(t, func(conn net.Conn) {
		head, _ := readHead(bufio.NewReader(conn))
		heads <- head
	})
	w := httptest.NewRecorder()
	testUpstream(t, addr, true).ServeHTTP(w, getRequest(t))
	if w.Code != http.StatusBadGateway || len(heads) != 1 {
		t.Errorf("status %d after %d attempts", w.Code, len(heads))
	}
}

// TestDirectCancel has a client go away while the upstream thinks, and while
// it answers: the upstream is told by a closed connection.
func TestDirectCancel(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]string{"before the answer": "", "in the answer": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			arrived, left := make(chan struct{}), make(chan error, 1)
			addr := listenRaw(t, func(conn net.Conn) {
				r := bufio.NewReader(conn)
				_, _ = readHead(r)
				_, _ = io.WriteString(conn, first)
				close(arrived)
				_, err := r.ReadByte()
				left <- err
			})
			ctx, cancel := context.WithCancel(t.Context())
			u, done := testUpstream(t, addr, true), make(chan struct{})
			go func() {
				defer close(done)
				defer func() { _ = recover() }() // as net/http does with http.ErrAbortHandler
				u.ServeHTTP(httptest.NewRecorder(), getRequest(t).WithContext(ctx))
			}()
			<-arrived
			cancel()
			if err := <-left; !errors.Is(err, io.EOF) && err == nil {
				t.Errorf("the upstream read on: %v", err)
			}
			<-done
			if c := u.pool.direct.idle.pop(); c != nil {
				t.Error("a connection in the middle of an answer was kept")
			}
		})
	}
}

// TestDirectOddStatus answers 502 where http.Transport hands out what no
// client asked for.
func TestDirectOddStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"101 Switching Protocols", "099 x", "000 x"} {
		addr := scripted(t, "HTTP/1.1 "+status+"\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", false).addr
		w := httptest.NewRecorder()
		testUpstream(t, addr, true).ServeHTTP(w, getRequest(t))
		if w.Code != http.StatusBadGateway {
			t.Errorf("%s: %d", status, w.Code)
		}
	}
}

// TestDirectStream passes each part of a stream on when it comes.
func TestDirectStream(t *testing.T) {
	t.Parallel()
	next := make(chan string)
	addr := listenRaw(t, func(conn net.Conn) {
		_, _ = readHead(bufio.NewReader(conn))
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for part := range next {
			fmt.Fprintf(conn, "%x\r\n%s\r\n", len(part), part)
		}
	})
	server := httptest.NewServer(testUpstream(t, addr, true))
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(req) // returns with the header, before any part
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for _, part := range []string{"one", "two"} {
		next <- part
		got := make([]byte, len(part))
		if _, err := io.ReadFull(resp.Body, got); err != nil || !bytes.Equal(got, []byte(part)) {
			t.Errorf("%q, %v", got, err)
		}
	}
	close(next)
	if _, err := resp.Body.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("a stream that was cut ends with %v", err)
	}
}
