package runtime

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// rawUpstream answers every request with 200 and hands out its first line.
func rawUpstream(tb testing.TB) (addr string, lines <-chan string) {
	tb.Helper()
	ln, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { ln.Close() })
	seen := make(chan string, 64)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go answerRaw(conn, seen)
		}
	}()
	return ln.Addr().String(), seen
}

func answerRaw(conn net.Conn, seen chan<- string) {
	defer conn.Close()
	for r := bufio.NewReader(conn); ; {
		first, err := r.ReadString('\n')
		if err != nil {
			return
		}
		for line := first; line != "\r\n"; {
			if line, err = r.ReadString('\n'); err != nil {
				return
			}
		}
		seen <- strings.TrimSuffix(first, "\r\n")
		if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); err != nil {
			return
		}
	}
}

// rawRequest sends bytes to the server and returns the status it answers.
func (w *world) rawRequest(text string) int {
	w.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(w.t.Context(), "tcp", w.server.Addr())
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		w.t.Fatalf("%q: %v", text, err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// checkTarget sends a target over the wire: the upstream gets the same bytes,
// or the client gets 400 and the upstream nothing.
func (w *world) checkTarget(target string, lines <-chan string) (status int) {
	w.t.Helper()
	status = w.rawRequest("GET " + target + " HTTP/1.1\r\nHost: svc.example.com\r\nX-Piko-Endpoint: svc\r\n\r\n")
	switch status {
	case http.StatusOK:
		if got, want := <-lines, "GET "+target+" HTTP/1.1"; got != want {
			w.t.Errorf("the upstream got %q, sent was %q", got, want)
		}
	case http.StatusBadRequest:
		select {
		case got := <-lines:
			w.t.Errorf("%q was refused and still sent on as %q", target, got)
		default:
		}
	default:
		w.t.Errorf("%q: status %d", target, status)
	}
	return status
}

// oddTargets are those that some proxy changes on the way.
func oddTargets() map[string]int {
	return map[string]int{
		"/": 200, "/?": 200, "/a?": 200, "/a??b": 200, "/a?&ip=1&": 200, "/a?x=1;y=2": 200, "/a?b=%zz": 200,
		"/a?%": 200, "/caf\xc3\xa9": 200, "/a\xff": 200, "/a|b": 200, `/a\b`: 200, "/a#b": 200, "/a?b#c": 200,
		"/a%2Fb": 200, "/a%2fb": 200, "/%41": 200, "/a//b": 200, "/a/../b": 200, "/a/./b": 200, "/a;x=1/b": 200,
		"/a+b": 200, "/a?[{\"n\":-1}]": 200, "/a?b=c%20d+e": 200, "/'()*!~": 200, "/a:b@c": 200, "/http://x": 200,
		"/a?u=http://x/y?z": 200, "/%": 400, "/%zz": 400, "/a\x7f": 400, "//evil/x": 400, "//": 400, "///": 400,
		"http://evil/x": 400, "A://0.": 400, "*": 400, "a": 400, "?": 400, "/a\x01": 400,
	}
}

func TestTargetsArriveByteForByte(t *testing.T) {
	t.Parallel()
	addr, lines := rawUpstream(t)
	w := newWorld(t, addr)
	w.opts.Policy = ""
	w.start()
	for target, want := range oddTargets() {
		if got := w.checkTarget(target, lines); got != want {
			t.Errorf("%q: %d, want %d", target, got, want)
		}
	}
	if status := w.rawRequest("OPTIONS * HTTP/1.1\r\nHost: svc.example.com\r\n\r\n"); status != http.StatusBadRequest {
		t.Errorf("OPTIONS *: %d", status)
	}
	if status := w.rawRequest("CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\nX-Piko-Endpoint: svc\r\n\r\n"); status != http.StatusBadRequest {
		t.Errorf("CONNECT: %d", status)
	}
}

func FuzzTarget(f *testing.F) {
	for target := range oddTargets() {
		f.Add(target)
	}
	addr, lines := rawUpstream(f)
	w := newWorld(f, addr)
	w.opts.Policy = ""
	w.start()
	f.Fuzz(func(t *testing.T, target string) {
		if strings.ContainsAny(target, " \r\n") || target == "" || len(target) > 4096 {
			return // not a target but another request line
		}
		(&world{t: t, server: w.server}).checkTarget(target, lines)
	})
}

// TestJoinTarget compares with the one place that decides: url handling in
// httputil.NewSingleHostReverseProxy, which the Piko agent uses.
func TestJoinTarget(t *testing.T) {
	t.Parallel()
	tests := []struct{ addr, target, want string }{
		{"http://h", "/a?b", "/a?b"},
		{"http://h/", "/a?b", "/a?b"},
		{"http://h/", "/", "/"},
		{"http://h/p", "/a", "/p/a"},
		{"http://h/p/", "/a", "/p/a"},
		{"http://h/p/", "/", "/p/"},
		{"http://h/p", "/", "/p/"},
		{"http://h/p%2Fq", "/a%2fb", "/p%2Fq/a%2fb"},
		{"http://h/p?x=1", "/a", "/p/a?x=1"},
		{"http://h?x=1", "/a?y=2", "/a?x=1&y=2"},
		{"http://h/p?x=1", "/a?", "/p/a?x=1"},
		{"http://h/p", "/a?", "/p/a?"},
		{"http://h/p", "/a?b;c", "/p/a?b;c"},
	}
	for _, test := range tests {
		addr, err := url.Parse(test.addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := joinTarget(addr, test.target); got != test.want {
			t.Errorf("%s + %s = %s, want %s", test.addr, test.target, got, test.want)
		}
	}
}

// TestHeaders has headers pass as through the Piko agent.
func TestHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.start()
	_, body := w.get("/a",
		"Authorization", "Apollo demo:x", "Timestamp", "12", "X-Forwarded-For", "1.1.1.1", "X-Forwarded-For", "2.2.2.2",
		"X-Forwarded-Proto", "https", "Forwarded", "for=1.1.1.1", "User-Agent", "", "Connection", "X-Hop", "X-Hop", "gone")
	for _, want := range []string{
		`"Authorization":["Apollo demo:x"]`, `"Timestamp":["12"]`, `"X-Forwarded-For":["1.1.1.1, 2.2.2.2, 127.0.0.1"]`,
		`"X-Forwarded-Proto":["https"]`, `"Forwarded":["for=1.1.1.1"]`, `"host":"` + w.server.Addr() + `"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	for _, unwanted := range []string{"X-Hop", "Accept-Encoding", "User-Agent", "X-Forwarded-Host"} {
		if strings.Contains(body, unwanted) {
			t.Errorf("%s in %s", unwanted, body)
		}
	}
}

// TestUpstreamTimeout answers 504 where the header does not come in time, and
// leaves answers alone that go on for longer.
func TestUpstreamTimeout(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	ln := serveFunc(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream" {
			_ = http.NewResponseController(w).Flush()
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, "done")
	})
	w := newWorld(t, ln)
	w.write("agent.yaml", strings.Replace(agentConfig(ln), "timeout: 5s", "timeout: 60ms", 1))
	w.start()
	if status, body := w.get("/"); status != http.StatusGatewayTimeout || body != `{"error":"upstream timeout"}`+"\n" {
		t.Errorf("%d %s", status, body)
	}
	timer := time.AfterFunc(200*time.Millisecond, func() { close(release) })
	defer timer.Stop()
	if status, body := w.get("/stream"); status != http.StatusOK || body != "done" {
		t.Errorf("stream: %d %s", status, body)
	}
	if !strings.Contains(w.log.String(), `"cause":"timeout"`) {
		t.Errorf("the timeout is not logged:\n%s", w.log.String())
	}
}

// TestUpstreamNonsense does not repeat what an upstream says.
func TestUpstreamNonsense(t *testing.T) {
	t.Parallel()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "canary-nonsense\r\n")
			_ = conn.Close()
		}
	}()
	w := newWorld(t, ln.Addr().String()).start()
	if status, body := w.get("/"); status != http.StatusBadGateway || body != `{"error":"upstream unreachable"}`+"\n" {
		t.Errorf("%d %s", status, body)
	}
	if log := w.log.String(); strings.Contains(log, "canary") || !strings.Contains(log, "upstream failed") {
		t.Errorf("log:\n%s", log)
	}
}

// TestUpgrade passes an upgraded connection through, over a reload, and ends
// it with the server.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	addr := serveFunc(t, func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
		_ = rw.Flush()
		_, _ = io.Copy(conn, rw)
	})
	w := newWorld(t, addr)
	w.write("agent.yaml", strings.Replace(agentConfig(addr), "grace_period: 5s", "grace_period: 100ms", 1))
	w.start()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /ws HTTP/1.1\r\nHost: svc.example.com\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n")
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil) //nolint:bodyclose // an upgraded connection has none
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v %v", resp, err)
	}
	echoed := func() {
		t.Helper()
		fmt.Fprint(conn, "ping\n")
		if line, err := r.ReadString('\n'); line != "ping\n" {
			t.Fatalf("%q %v", line, err)
		}
	}
	echoed()
	w.replace("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	w.applied(1)
	echoed()
	w.stop()
	if _, err := r.ReadByte(); err == nil {
		t.Error("the connection outlived the server")
	}
}

// TestLongBodies has a body larger than any buffer come back whole, from an
// upstream that answers while it still reads.
func TestLongBodies(t *testing.T) {
	t.Parallel()
	addr := serveFunc(t, func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			return
		}
		w.Header().Set("Trailer", "X-End")
		_, _ = io.Copy(w, r.Body)
		w.Header().Set("X-End", "yes")
	})
	w := newWorld(t, addr)
	w.opts.Policy = ""
	w.start()
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.server.Addr(), bytes.NewReader(sent))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "svc.example.com"
	resp, err := w.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(got, sent) || resp.Trailer.Get("X-End") != "yes" {
		t.Errorf("%d of %d bytes came back, trailer %v, %v", len(got), len(sent), resp.Trailer, err)
	}
}

// TestEarlyAnswers has an upstream answer while the client still sends, and
// the client wait for that before it goes on.
func TestEarlyAnswers(t *testing.T) {
	t.Parallel()
	addr := serveFunc(t, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_, _ = control.EnableFullDuplex(), control.Flush()
		_, _ = io.Copy(flushing{w, control}, r.Body)
	})
	w := newWorld(t, addr)
	w.opts.Policy = ""
	w.start()
	body, pipe := io.Pipe()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+w.server.Addr(), body)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "svc.example.com"
	resp, err := w.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	fmt.Fprint(pipe, "ping\n")
	if line, err := bufio.NewReader(resp.Body).ReadString('\n'); line != "ping\n" {
		t.Errorf("%q %v", line, err)
	}
	_ = pipe.Close()
}

// flushing sends on each write at once.
type flushing struct {
	io.Writer
	control *http.ResponseController
}

func (f flushing) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	_ = f.control.Flush()
	return n, err
}

// serveFunc serves a handler on an address of its own.
func serveFunc(tb testing.TB, handler http.HandlerFunc) (addr string) {
	tb.Helper()
	ln, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	go func() { _ = server.Serve(ln) }()
	tb.Cleanup(func() { cancel(); server.Close() })
	return "http://" + ln.Addr().String()
}
