package runtime

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestAmbiguousTargets sends over the wire, in both versions of HTTP, what one
// server may read differently than the next. Where a key is enforced it is
// refused before anybody asks for a signature; until then it passes, counted.
func TestAmbiguousTargets(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ method, target, status string }{
		"as it should be":        {"GET", "/configs/demo/a/b", "401"},
		"HEAD":                   {"HEAD", "/configs/demo/a/b", "401"},
		"not guarded":            {"GET", "/health", "200"},
		"dot segment":            {"GET", "/configs/demo/../other/b", "400"},
		"one dot":                {"GET", "/configs/./demo/b", "400"},
		"encoded dots":           {"GET", "/configs/demo/%2e%2E/b", "400"},
		"half encoded dots":      {"GET", "/health/.%2e/configs/demo/a", "400"},
		"encoded slash":          {"GET", "/configs/demo%2Fa/b", "400"},
		"encoded backslash":      {"GET", "/configs/demo%5ca/b", "400"},
		"backslash":              {"GET", `/configs/demo\a/b`, "400"},
		"parameter":              {"GET", "/configs/demo;x=1/a/b", "400"},
		"encoded semicolon":      {"GET", "/configs/demo%3Bx/a/b", "400"},
		"null byte":              {"GET", "/configs/demo/%00/b", "400"},
		"app twice":              {"GET", "/notifications/v2?appId=demo&appId=other", "400"},
		"app twice, one encoded": {"GET", "/notifications/v2?appId=demo&%61ppId=other", "400"},
		"no app":                 {"GET", "/configs/", "400"},
		"POST":                   {"POST", "/configs/demo/a/b", "405"},
		"a method of one's own":  {"FETCH", "/health", "405"},
		"TRACE":                  {"TRACE", "/configs/demo/a/b", "405"},
	}
	for mode, passes := range map[string]bool{"enforce": false, "observe": true} {
		w := newWorld(t, echo(t, "up").URL)
		w.write("policy.yaml", derivedPolicy)
		w.write("rollout.yaml", rollout("key/demo/k1", mode, "file:k1"))
		w.start()
		refusals := 0.0
		for name, test := range tests {
			want := test.status
			if want != "200" && want != "401" && (!passes || name != "no app") { // which Apollo refuses itself
				refusals += 2
			}
			if passes {
				want = "200"
			}
			c := w.dial()
			fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: svc.example.com\r\n\r\n", test.method, test.target)
			r := bufio.NewReader(c)
			resp, err := http.ReadResponse(r, &http.Request{Method: test.method})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if got := resp.Status[:3]; got != want || resp.Close != (got == "400") || (resp.Header.Get("Allow") == "") != (got != "405") {
				t.Errorf("%s, %s: %v, want %s", mode, name, resp, want)
			}
			h2 := w.http2Conn()
			h2.send(0x1, 0x5, 1, headers(":method", test.method, ":scheme", "http", ":authority", "svc.example.com", ":path", test.target))
			if block := h2.frame(0x1); !bytes.Contains(block, statusField(want)) {
				t.Errorf("%s, %s: over HTTP/2 %q, want %s", mode, name, block, want)
			}
		}
		if got := w.failed(mode, "refused_target"); got != refusals {
			t.Errorf("%s: %v refused targets are counted, want %v", mode, got, refusals)
		}
	}
}

// failed is how many requests of svc have failed for a reason.
func (w *world) failed(mode, reason string) (sum float64) {
	w.t.Helper()
	for name, value := range w.metrics() {
		if strings.HasPrefix(name, "lockstep_auth_requests_total{") &&
			strings.Contains(name, `mode="`+mode+`"`) && strings.Contains(name, `reason="`+reason+`"`) {
			var n float64
			_, _ = fmt.Sscan(value, &n)
			sum += n
		}
	}
	return sum
}

// FuzzRequest sends bytes that may be requests. Whatever net/http and the
// ingress take them for, the upstream only sees request lines that were sent.
func FuzzRequest(f *testing.F) {
	for _, m := range messages() {
		f.Add([]byte(m.text))
	}
	for target := range oddTargets() {
		f.Add([]byte("GET " + target + " HTTP/1.1\r\nHost: svc.example.com\r\n\r\n"))
	}
	f.Add([]byte("GET /a\tb HTTP/1.1\r\nHost: svc.example.com\r\n\r\n"))
	f.Add([]byte("GET http://svc.example.com/a HTTP/1.1\r\nHost: svc.example.com\r\n\r\n"))
	f.Add([]byte("get /%2e%2e/;a?b#c HTTP/1.0\r\nHost: svc.example.com\r\nConnection: keep-alive\r\n\r\n"))
	lines := make(chan string, 1000)
	w := newWorld(f, serveFunc(f, func(_ http.ResponseWriter, r *http.Request) {
		lines <- r.Method + " " + r.RequestURI + " HTTP/1."
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	w.write("policy.yaml", limited("header_timeout: 1s, body_timeout: 1s"))
	w.start()
	var sent [][]byte // lately: a request that was cut off may arrive when its input is over
	wasSent := func(line string) bool {
		return slices.ContainsFunc(sent, func(text []byte) bool { return bytes.Contains(text, []byte(line)) })
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 4096 {
			return
		}
		sent = append(sent[max(len(sent)-15, 0):], bytes.Clone(text))
		c := (&world{t: t, server: w.server}).dial()
		defer c.Close()
		_, _ = c.Write(append(text, "\r\n\r\nGET /end HTTP/1.1\r\nHost: nobody.example.com\r\nConnection: close\r\n\r\n"...))
		statuses, answers := map[int]int{}, bufio.NewReader(c)
		for {
			resp, err := http.ReadResponse(answers, nil)
			if err != nil {
				break
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			statuses[resp.StatusCode]++
		}
		for range statuses[http.StatusOK] {
			select {
			case line := <-lines:
				if !wasSent(line) {
					t.Errorf("the upstream got %q, which is not in %q", line, text)
				}
			default:
				t.Errorf("%q: more answers than requests", text)
			}
		}
		for len(lines) > 0 { // of requests that were cut off
			if line := <-lines; !wasSent(line) {
				t.Errorf("the upstream got %q, which is not in %q", line, text)
			}
		}
	})
}
