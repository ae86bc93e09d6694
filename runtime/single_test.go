package runtime

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// newTestSingles serves connections by a handler, and hands on what is not plain.
func newTestSingles(t *testing.T, handler http.Handler) (s *singles, others chan *clientConn) {
	t.Helper()
	others = make(chan *clientConn, 1)
	s = &singles{
		handler: handler, base: t.Context(), patience: 5 * time.Second, others: func(c *clientConn) { others <- c },
		now: time.Now, logger: slog.New(slog.DiscardHandler),
	}
	return s, others
}

// dialled is both ends of a connection.
func dialled(t *testing.T) (client, accepted net.Conn) {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if client, err = new(net.Dialer).DialContext(t.Context(), "tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if accepted, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); accepted.Close() })
	return client, accepted
}

// sight is an answer as its client sees it.
type sight struct {
	Status  string
	Header  http.Header
	Length  int64
	Coding  []string
	Body    string
	Trailer http.Header
	Cut     bool // it is not whole
}

func look(t *testing.T, conn net.Conn, method string) (all []sight) {
	t.Helper()
	r := bufio.NewReader(conn)
	for {
		resp, err := http.ReadResponse(r, &http.Request{Method: method}) //nolint:bodyclose // the connection is closed
		if err != nil {
			return append(all, sight{Cut: !errors.Is(err, io.ErrUnexpectedEOF)})
		}
		body, err := io.ReadAll(resp.Body)
		if date := resp.Header.Get("Date"); date != "" && date != "today" {
			resp.Header.Set("Date", "some day")
		}
		if err != nil { // how much of it came is a matter of luck
			body = nil
		}
		all = append(all, sight{
			resp.Status, resp.Header, resp.ContentLength, resp.TransferEncoding, string(body), maps.Clone(resp.Trailer), err != nil,
		})
		if resp.StatusCode >= 200 {
			return all
		}
	}
}

const plainRequest = " /path?a=b HTTP/1.1\r\nHost: example.com\r\nUser-Agent: test\r\nConnection: close\r\n\r\n"

// TestSingleAnswer answers as net/http does, whatever a handler does.
func TestSingleAnswer(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 2000)
	for name, handler := range map[string]http.HandlerFunc{
		"nothing":      func(http.ResponseWriter, *http.Request) {},
		"a short body": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>short") },
		"some pieces":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("a")); _, _ = w.Write([]byte("b")) },
		"a length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			_, _ = io.WriteString(w, "12345")
		},
		"too little": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = io.WriteString(w, "12345")
		},
		"no content": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(204)
		},
		"not modified": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "a/b")
			w.WriteHeader(304)
		},
		"a length of 304": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "7")
			w.WriteHeader(304)
		},
		"an error":      func(w http.ResponseWriter, r *http.Request) { answerError(w, r, 502, "upstream unreachable") },
		"an odd status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(599); _, _ = io.WriteString(w, "odd") },
		"twice":         func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); w.WriteHeader(500) },
		"headers": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["X-Many"] = []string{"a", "b"}
			w.Header()["X-Bad"] = []string{"a\r\nX-Injected: b", " c "}
			w.Header()["bad name"] = []string{"a"}
			w.Header().Set("Date", "today")
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, "packed")
		},
		"headers that come too late": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(200)
			w.Header().Set("X-Late", "a")
		},
		"a hint before": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(103)
			w.Header().Del("Link")
			_, _ = io.WriteString(w, "then")
		},
		"a stream": func(w http.ResponseWriter, _ *http.Request) {
			for range 3 {
				_, _ = io.WriteString(w, "piece")
				_ = http.NewResponseController(w).Flush()
			}
		},
		"a stream of a length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "12345")
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, "67890")
		},
		"a flush and no body": func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() },
		"a long body":         func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, long) },
		"a long body of a length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "20000")
			_, _ = io.WriteString(w, long)
		},
		"trailers": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-Sum, X-None")
			_, _ = io.WriteString(w, "body")
			w.Header().Set("X-Sum", "1")
			w.Header().Set(http.TrailerPrefix+"X-More", "2")
		},
		"trailers of a stream": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "body")
			w.(http.Flusher).Flush()
			w.Header().Set(http.TrailerPrefix+"X-More", "2")
		},
		"cut off": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, long)
			panic(http.ErrAbortHandler)
		},
		"cut off early": func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				server := httptest.NewServer(handler)
				defer server.Close()
				theirs, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer theirs.Close()
				_, _ = io.WriteString(theirs, method+plainRequest)
				want := look(t, theirs, method)

				s, others := newTestSingles(t, handler)
				ours, accepted := dialled(t)
				_, _ = io.WriteString(ours, method+plainRequest)
				go s.serve(&clientConn{Conn: accepted})
				got := look(t, ours, method)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("net/http answers otherwise (-), ours is +:\n%s", diff)
				}
				if len(others) > 0 {
					t.Error("it was handed on")
				}
			})
		}
	}
}

// TestSingleHandsOn gives everything that is not plain to net/http, with all
// that was read of it.
func TestSingleHandsOn(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a body":              "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
		"a length of nothing": "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
		"chunks":              "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"keep-alive":          "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"an upgrade":          "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"HTTP/1.0":            "GET / HTTP/1.0\r\nHost: a\r\nConnection: close\r\n\r\n",
		"HTTP/2":              "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"two requests":        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
		"no host":             "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
		"two hosts":           "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\nConnection: close\r\n\r\n",
		"an odd host":         "GET / HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n",
		"a folded line":       "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\nConnection: close\r\n\r\n",
		"a bare line end":     "GET / HTTP/1.1\r\nHost: a\nX: 1\r\nConnection: close\r\n\r\n",
		"a blank in a name":   "GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\nConnection: close\r\n\r\n",
		"an odd byte":         "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\nConnection: close\r\n\r\n",
		"Latin":               "GET / HTTP/1.1\r\nHost: a\r\nX: caf\xe9\r\nConnection: close\r\n\r\n",
		"an expectation":      "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
		"a bad target":        "GET path HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
		"a long header":       "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", maxSingle),
		"no HTTP":             "\x16\x03\x01\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, others := newTestSingles(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was answered") }))
			ours, accepted := dialled(t)
			_, _ = io.WriteString(ours, text)
			go s.serve(&clientConn{Conn: accepted})
			c := <-others
			got := make([]byte, len(text))
			if n, err := io.ReadFull(c, got); err != nil && string(got[:n]) != text && c.instead == nil {
				t.Errorf("net/http reads %q, %v", got[:n], err)
			}
		})
	}
}

// TestSingleInPieces takes a header that comes in pieces.
func TestSingleInPieces(t *testing.T) {
	t.Parallel()
	s, _ := newTestSingles(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.RequestURI+" "+r.Host+" "+r.UserAgent())
	}))
	ours, accepted := dialled(t)
	go s.serve(&clientConn{Conn: accepted})
	for _, piece := range strings.SplitAfter("GET"+plainRequest, "\n") {
		_, _ = io.WriteString(ours, piece)
		time.Sleep(time.Millisecond)
	}
	if got := look(t, ours, "GET"); got[0].Body != "/path?a=b example.com test" {
		t.Errorf("%+v", got)
	}
}

// TestSingleClientLeaves ends a request whose client is gone, and no other.
func TestSingleClientLeaves(t *testing.T) {
	t.Parallel()
	cause := make(chan error, 1)
	s, _ := newTestSingles(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		child, cancel := context.WithCancel(r.Context())
		defer cancel()
		if r.Context().Value(connKey{}) == nil || child.Err() != nil {
			t.Error("the context is not that of the connection")
		}
		stopped := context.AfterFunc(child, func() { t.Error("it was stopped") })
		if !stopped() {
			t.Error("it has ended already")
		}
		<-child.Done()
		cause <- r.Context().Err()
	}))
	ours, accepted := dialled(t)
	_, _ = io.WriteString(ours, "GET"+plainRequest)
	go s.serve(&clientConn{Conn: accepted})
	select {
	case err := <-cause:
		t.Fatal("it ended before its client left: ", err)
	case <-time.After(3 * unwatched):
	}
	_ = ours.Close()
	if err := <-cause; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestSingleContextEnds calls what waits for the end once, whoever asks.
func TestSingleContextEnds(t *testing.T) {
	t.Parallel()
	life := &single{Context: t.Context()}
	called := make(chan int, 4)
	stop := context.AfterFunc(life, func() { called <- 1 })
	context.AfterFunc(life, func() { called <- 2 })
	if !stop() || stop() {
		t.Error("what waited can be stopped once")
	}
	life.end()
	life.end()
	context.AfterFunc(life, func() { called <- 3 })
	if got := <-called + <-called; got != 5 || len(called) > 0 {
		t.Errorf("%d", got)
	}
	if <-life.Done(); !errors.Is(life.Err(), context.Canceled) {
		t.Error(life.Err())
	}
}

// TestSingleIsUnderWayUntilSent keeps the ingress from ending between the
// return of a handler and the moment its answer is on the wire.
func TestSingleIsUnderWayUntilSent(t *testing.T) {
	t.Parallel()
	returned := make(chan struct{})
	s, _ := newTestSingles(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(returned) }))
	g := &ingress{singles: s}
	ours, accepted := net.Pipe() // on which a write waits for its reader
	defer ours.Close()
	go s.serve(&clientConn{Conn: accepted})
	_, _ = io.WriteString(ours, "GET"+plainRequest)
	<-returned
	time.Sleep(time.Millisecond)
	if g.idle() {
		t.Error("it is idle with an answer that was not sent")
	}
	look(t, ours, "GET")
	for !g.idle() {
		time.Sleep(time.Millisecond)
	}
}
