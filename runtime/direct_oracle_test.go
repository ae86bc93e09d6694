package runtime

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

// oneUpstream is an upstream and the requests that reached it.
type oneUpstream struct {
	addr     string
	requests chan string // their lines, sorted
}

// scripted answers each request with the same bytes, and then closes the
// connection if asked to.
func scripted(t *testing.T, answer string, closes bool) *oneUpstream {
	t.Helper()
	u := &oneUpstream{requests: make(chan string, 16)}
	u.addr = listenRaw(t, func(conn net.Conn) {
		for r := bufio.NewReader(conn); ; {
			head, err := readHead(r)
			if err != nil {
				return
			}
			u.requests <- head
			if _, err := io.WriteString(conn, answer); err != nil || closes {
				return
			}
		}
	})
	return u
}

// listenRaw serves each connection until serve returns, or the test ends.
func listenRaw(t *testing.T, serve func(net.Conn)) (addr string) {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			go func() { defer stop(); defer conn.Close(); serve(conn) }()
		}
	}()
	t.Cleanup(func() { _ = ln.Close() })
	return ln.Addr().String()
}

// readHead reads a request up to its empty line. The order of header fields
// means nothing, so they are sorted.
func readHead(r *bufio.Reader) (string, error) {
	var lines []string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		if line == "\r\n" {
			slices.Sort(lines[1:])
			return strings.Join(lines, ""), nil
		}
		lines = append(lines, line)
	}
}

// testUpstream forwards to addr, on the direct way or as everything else.
func testUpstream(t *testing.T, addr string, direct bool) *upstream {
	t.Helper()
	target := &url.URL{Scheme: "http", Host: addr}
	l := &schemas.Listener{Timeout: 5 * time.Second}
	l.HTTPClient.MaxIdleConns, l.HTTPClient.IdleConnTimeout = 4, time.Minute
	p := newPool(target, l, nil)
	t.Cleanup(p.retire)
	if !direct {
		p.direct = nil
	}
	opts := Options{Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
	u := newUpstream("svc", l, target, p, newBuffers(), &opts)
	u.generation = newGeneration(listenerID{}, &backend{}, "", nil, nil)
	return u
}

// seen is what a client gets to see.
type seen struct {
	Informed []string
	Status   string
	Proto    string
	Header   http.Header
	Body     string
	Trailer  http.Header
	Cut      bool // the answer did not come to its end
}

// askRaw sends bytes to a proxy and reads all that comes back.
func askRaw(t *testing.T, proxy http.Handler, request string) seen {
	t.Helper()
	server := httptest.NewUnstartedServer(proxy)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	server.Start()
	defer server.Close()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	return readSeen(bufio.NewReader(conn), &http.Request{Method: method})
}

func readSeen(r *bufio.Reader, req *http.Request) (s seen) {
	for {
		resp, err := http.ReadResponse(r, req)
		if err != nil {
			s.Cut = true
			return s
		}
		if resp.StatusCode < 200 {
			s.Informed = append(s.Informed, fmt.Sprint(resp.Status, resp.Header))
			continue
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil { // how much of it arrives is a matter of time
			return seen{Cut: true}
		}
		resp.Header.Del("Date")
		if resp.Header.Get("Content-Type") == "text/plain; charset=utf-8" {
			// No upstream says so: it is the guess of net/http, which makes none
			// once a stream is flushed, and when ReverseProxy does that is chance.
			resp.Header.Del("Content-Type")
		}
		if len(body) == 0 && resp.Header.Get("Content-Length") == "0" {
			resp.Header.Del("Content-Length") // net/http says so unless the stream was flushed, which is chance too
		}
		s.Status, s.Proto, s.Header, s.Body, s.Trailer = resp.Status, resp.Proto, resp.Header, string(body), resp.Trailer
		return s
	}
}

// oddAnswers are those that some proxy gets wrong. In those that begin with a
// minus sign the upstream closes the connection.
func oddAnswers() map[string]string {
	return map[string]string{
		"plain":              "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"empty":              "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"no content":         "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n",
		"not modified":       "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nEtag: \"x\"\r\n\r\n",
		"chunked":            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
		"chunked, empty":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"trailer":            "HTTP/1.1 200 OK\r\nTrailer: X-End\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-End: yes\r\n\r\n",
		"trailer, no body":   "HTTP/1.1 200 OK\r\nTrailer: X-End\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-End: yes\r\n\r\n",
		"trailer, unnamed":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-End: yes\r\nX-End: no\r\n\r\n",
		"trailer, one named": "HTTP/1.1 200 OK\r\nTrailer: X-A\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n",
		"trailer, missing":   "HTTP/1.1 200 OK\r\nTrailer: X-A\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"until close":        "-HTTP/1.1 200 OK\r\n\r\nuntil the end",
		"1.0, until close":   "-HTTP/1.0 200 OK\r\n\r\nuntil the end",
		"1.0, length":        "-HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"1.0, kept":          "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
		"early hints":        "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"three hints":        strings.Repeat("HTTP/1.1 102 Processing\r\nX-A: b\r\n\r\n", 3) + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"continue unasked":   "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"hints, then close":  "-HTTP/1.1 103 Early Hints\r\n\r\n",
		"hops": "HTTP/1.1 200 OK\r\nConnection: X-Hop , keep-alive\r\nX-Hop: a\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: x\r\n" +
			"Proxy-Connection: x\r\nTe: x\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok",
		"closing":         "-HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
		"stream":          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nContent-Length: 9\r\n\r\ndata: a\n\n",
		"cookies":         "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nContent-Length: 2\r\n\r\nok",
		"folded":          "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok",
		"bare newlines":   "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
		"odd header":      "HTTP/1.1 200 OK\r\nX-Empty:\r\nx-lower:a \r\nContent-Length: 2\r\n\r\nok",
		"bad header":      "HTTP/1.1 200 OK\r\nno colon\r\n\r\nok",
		"bad name":        "HTTP/1.1 200 OK\r\nX A: b\r\nContent-Length: 2\r\n\r\nok",
		"other reason":    "HTTP/1.1 299 As You Like It\r\nContent-Length: 2\r\n\r\nok",
		"no reason":       "HTTP/1.1 404\r\nContent-Length: 2\r\n\r\nok",
		"teapot":          "HTTP/1.1 418 x\r\nContent-Length: 0\r\n\r\n",
		"status 999":      "HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n",
		"status 1000":     "HTTP/1.1 1000 x\r\nContent-Length: 0\r\n\r\n",
		"status 2x0":      "HTTP/1.1 2x0 x\r\nContent-Length: 0\r\n\r\n",
		"no HTTP":         "-SSH-2.0-OpenSSH\r\n",
		"HTTP/2":          "-HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"nothing":         "-",
		"half a line":     "-HTTP/1.1 20",
		"half a header":   "-HTTP/1.1 200 OK\r\nX-A: b\r\n",
		"body cut":        "-HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
		"chunks cut":      "-HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"bad chunk":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\nhello\r\n",
		"two lengths":     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
		"lengths differ":  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
		"negative length": "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
		"length, chunked": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"other encoding":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
		"gzipped":         "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
		"too much":        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",
		"no cache":        "HTTP/1.1 200 OK\r\nPragma: no-cache\r\nContent-Length: 2\r\n\r\nok",
		"long":            "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + strings.Repeat("0123456789", 20000),
		"long, chunked":   "-HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n" + strings.Repeat("0123456789", 20000) + "\r\n0\r\n\r\n",
		"long header":     "HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("x", 100_000) + "\r\nContent-Length: 2\r\n\r\nok",
		"endless header":  "HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("x", 11<<20) + "\r\nContent-Length: 2\r\n\r\nok",
	}
}

// TestDirectAnswers holds the direct way against httputil.ReverseProxy with
// http.Transport, by everything that a client can see.
func TestDirectAnswers(t *testing.T) {
	t.Parallel()
	const again, old = "GET /a?b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET /a?b HTTP/1.0\r\nHost: h\r\n\r\n"
	requests := []string{again, again, "HEAD /a?b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", old}
	for name, answer := range oddAnswers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer, closes := strings.CutPrefix(answer, "-")
			addr := scripted(t, answer, closes).addr
			want, got := testUpstream(t, addr, false), testUpstream(t, addr, true)
			want.pool.transport.DisableKeepAlives = true // it complains loudly where an upstream says too much
			for _, request := range requests {
				switch {
				case request == old && (name == "chunks cut" || name == "bad chunk"):
					continue // HTTP/1.0 has no way to tell the client
				case request != again && name == "endless header":
					continue // it takes its time
				}
				if diff := cmp.Diff(askRaw(t, want, request), askRaw(t, got, request)); diff != "" {
					t.Errorf("%q (- http.Transport, + direct):\n%s", request, diff)
				}
			}
		})
	}
}

// TestDirectRequests does the same with everything that an upstream can see.
func TestDirectRequests(t *testing.T) {
	t.Parallel()
	u := scripted(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false)
	want, got := testUpstream(t, u.addr, false), testUpstream(t, u.addr, true)
	for _, fields := range []string{
		"", "User-Agent: a\r\n", "User-Agent:\r\n", "User-Agent: a\r\nUser-Agent: b\r\n", "Content-Length: 0\r\n",
		"X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2, 3.3.3.3\r\n", "X-Forwarded-Proto: https\r\nForwarded: for=a\r\nForwarded: for=b\r\n",
		"Connection: keep-alive\r\nKeep-Alive: 5\r\n", "Connection: close\r\n", "Connection: X-A, close\r\nX-A: b\r\n", "Proxy-Connection: a\r\n",
		"Proxy-Authorization: a\r\n", "Te: trailers\r\n", "Te: gzip\r\n", "Trailer: a\r\n", "Expect: 100-continue\r\n", "Upgrade: h2c\r\n",
		"Cookie: a=1\r\nCookie: b=2\r\n", "Accept-Encoding: br\r\n", "x-lower:  a \r\nX-Empty:\r\n", "X-A: \x80\xff\r\n", "X-A: b\r\n c\r\n",
		"Authorization: a\r\nTimestamp: 1\r\n", "Range: bytes=0-1\r\nIf-None-Match: \"a\"\r\n", "Host: h\r\n", "X-A: " + strings.Repeat("x", 100000) + "\r\n",
	} {
		for _, line := range []string{
			"GET /a?b=%zz;c HTTP/1.1", "HEAD /caf\xc3\xa9|\\ HTTP/1.1", "GET /a HTTP/1.0", "DELETE /a HTTP/1.1", "POST /a HTTP/1.1",
		} {
			request := line + "\r\nHost: h.example.com:80\r\n" + fields + "\r\n"
			if diff := cmp.Diff(received(t, u, want, request), received(t, u, got, request)); diff != "" {
				t.Errorf("%q (- http.Transport, + direct):\n%s", request[:min(len(request), 200)], diff)
			}
		}
	}
}

// received is what reaches the upstream, empty if the request was refused.
func received(t *testing.T, u *oneUpstream, proxy http.Handler, request string) string {
	t.Helper()
	if s := askRaw(t, proxy, request); s.Status != "200 OK" {
		return ""
	}
	return <-u.requests
}

// FuzzDirectAnswer holds the direct way against the other one for answers
// that nobody has thought of.
func FuzzDirectAnswer(f *testing.F) {
	for _, answer := range oddAnswers() {
		if len(answer) < 1000 {
			f.Add(strings.TrimPrefix(answer, "-"), "GET")
			f.Add(strings.TrimPrefix(answer, "-"), "HEAD")
		}
	}
	f.Fuzz(func(t *testing.T, answer, method string) {
		if method != http.MethodGet && method != http.MethodHead {
			return
		}
		u := scripted(t, answer, true)
		want, got := testUpstream(t, u.addr, false), testUpstream(t, u.addr, true)
		want.pool.transport.DisableKeepAlives = true
		request := method + " /a?b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
		there, here := askRaw(t, want, request), askRaw(t, got, request)
		if there.Cut && here.Status == "502 Bad Gateway" {
			return // see TestDirectOddStatus
		}
		there.Header.Del("Content-Type") // see readSeen
		here.Header.Del("Content-Type")
		if diff := cmp.Diff(there, here); diff != "" {
			t.Errorf("%q (- http.Transport, + direct):\n%s", answer, diff)
		}
	})
}
