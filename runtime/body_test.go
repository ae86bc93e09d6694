package runtime

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// limited is plainPolicy with limits and nobody authenticated.
func limited(limits string) string {
	return "version: 1\nruntime: {flush_interval: 20ms, limits: {" + limits + "}}\n"
}

// answered reads one answer from a connection, within a generous time.
func (w *world) answered(text string) string {
	w.t.Helper()
	c := w.dial()
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		w.t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return err.Error()
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return resp.Status
	}
	if _, err := r.ReadByte(); err != io.EOF && err != nil && !strings.Contains(err.Error(), "reset") {
		w.t.Errorf("%.40q: %s and then %v", text, resp.Status, err)
	}
	return resp.Status
}

// TestLimits sends what is too large, and what comes too slowly.
func TestLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, serveFunc(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	w.write("policy.yaml", limited("header_bytes: 8192, body_bytes: 100, header_timeout: 150ms, body_timeout: 150ms"))
	w.start()
	const begin = "POST /a HTTP/1.1\r\nHost: svc.example.com\r\n"
	long := strings.Repeat("x", 100)
	for name, test := range map[string]struct{ text, want string }{
		"all in order":        {begin + "Content-Length: 100\r\n\r\n" + long, "200 OK"},
		"chunks":              {begin + "Transfer-Encoding: chunked\r\n\r\n64\r\n" + long + "\r\n0\r\n\r\n", "200 OK"},
		"a header too long":   {begin + "X: " + strings.Repeat("x", 16<<10) + "\r\n\r\n", "431 Request Header Fields Too Large"},
		"a target too long":   {"GET /" + strings.Repeat("x", 16<<10) + " HTTP/1.1\r\nHost: svc.example.com\r\n\r\n", "431 Request Header Fields Too Large"},
		"a body too long":     {begin + "Content-Length: 101\r\n\r\n" + long + "x", "413 Request Entity Too Large"},
		"chunks too long":     {begin + "Transfer-Encoding: chunked\r\n\r\n65\r\n" + long + "x\r\n", "413 Request Entity Too Large"},
		"half a request line": {"GET /a HT", "408 Request Timeout"},
		"half a header":       {begin + "X: y\r\n", "408 Request Timeout"},
		"half a body":         {begin + "Content-Length: 100\r\n\r\n" + long[1:], "408 Request Timeout"},
		"half a chunk":        {begin + "Transfer-Encoding: chunked\r\n\r\n64\r\n" + long[1:], "408 Request Timeout"},
		"no body":             {begin + "Content-Length: 100\r\n\r\n", "408 Request Timeout"},
		"nothing":             {"", "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := (&world{t: t, server: w.server}).answered(test.text); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

// TestSlowButSteady sends a body for longer than it may pause.
func TestSlowButSteady(t *testing.T) {
	t.Parallel()
	w := newWorld(t, serveFunc(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	}))
	w.write("policy.yaml", limited("body_timeout: 400ms"))
	w.start()
	body, pipe := io.Pipe()
	go func() {
		for range 10 {
			time.Sleep(80 * time.Millisecond) // as a slow client
			fmt.Fprint(pipe, "x")
		}
		_ = pipe.Close()
	}()
	resp, err := w.client.Do(w.request(http.MethodPost, "/", body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); string(got) != "10" {
		t.Errorf("%d %s %v", resp.StatusCode, got, err)
	}
}

// TestBodyLimitsOfHTTP2 holds streams to the same limits, and leaves the
// others of the connection alone.
func TestBodyLimitsOfHTTP2(t *testing.T) {
	t.Parallel()
	w := newWorld(t, serveFunc(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	w.write("policy.yaml", limited("body_bytes: 100, body_timeout: 150ms"))
	w.start()
	client := http2Client(t, nil)
	silence, pipe := io.Pipe()
	defer pipe.Close()
	for _, test := range []struct {
		body io.Reader
		want int
	}{
		{strings.NewReader(strings.Repeat("x", 100)), http.StatusOK},
		{strings.NewReader(strings.Repeat("x", 101)), http.StatusRequestEntityTooLarge},
		{io.MultiReader(strings.NewReader(strings.Repeat("x", 101))), http.StatusRequestEntityTooLarge}, // of unknown length
		{silence, http.StatusRequestTimeout},
	} {
		resp, err := client.Do(w.request(http.MethodPost, "/", test.body))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != test.want || resp.ProtoMajor != 2 {
			t.Errorf("%d, want %d", resp.StatusCode, test.want)
		}
	}
}

// TestHeadersOfHTTP2 refuses a header that is too long.
func TestHeadersOfHTTP2(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.write("policy.yaml", limited("header_bytes: 8192"))
	w.start()
	fields := []string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "svc.example.com"}
	for i := range 80 {
		fields = append(fields, "x"+strconv.Itoa(i), strings.Repeat("x", 100))
	}
	c := w.http2Conn()
	c.send(0x1, 0x5, 1, headers(fields...)) // a client of a library may know the limit by then
	if block := c.frame(0x1); !bytes.Contains(block, statusField("431")) {
		t.Errorf("header %q, want status 431", block)
	}
}
