package runtime

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"lockstep/runtime/pikolink/pikotest"
	"lockstep/schemas"
)

// accessLine is what the access log writes.
type accessLine struct {
	Msg, Level, Endpoint, Proto, Method, Host, Path string
	RequestHeaders                                  []string `json:"request_headers"`
	ResponseHeaders                                 []string `json:"response_headers"`
	Status                                          int
	Duration                                        string
}

// accessLines are those of the log so far.
func (w *world) accessLines() (all []accessLine) {
	for line := range strings.Lines(w.log.String()) {
		var l accessLine
		if json.Unmarshal([]byte(line), &l) == nil && l.Msg == "request" {
			all = append(all, l)
		}
	}
	return all
}

// TestAccessLog writes what the Piko agent writes, without what lets somebody
// in, and no query.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	w := pikoWorld(t, s, "svc", echo(t, "a").URL, "http")
	w.start()
	w.registered(s, "svc", 1)
	ask(t, s, "svc", "/a?token=canary", "Authorization", "Apollo demo:canary", "Cookie", "id=canary", "X-Odd", "\u202ex")
	w.eventually("line", func() bool { return len(w.accessLines()) == 1 })
	l := w.accessLines()[0]
	if l.Level != "INFO" || l.Endpoint != "svc" || l.Proto != "HTTP/1.1" || l.Method != http.MethodGet || l.Path != "/a" ||
		l.Host != strings.TrimPrefix(s.Proxy, "http://") || l.Status != http.StatusOK || l.Duration == "" {
		t.Errorf("line %+v", l)
	}
	for _, want := range []string{"Authorization: [secret]", "Cookie: [secret]", `X-Odd: \u202ex`} {
		if !slices.Contains(l.RequestHeaders, want) {
			t.Errorf("no %s in %q", want, l.RequestHeaders)
		}
	}
	if !slices.Contains(l.ResponseHeaders, "Content-Type: text/plain; charset=utf-8") {
		t.Errorf("response headers %q", l.ResponseHeaders)
	}
	if strings.Contains(w.log.String(), "canary") {
		t.Error(w.log.String())
	}
}

// TestAccessLogLevels follows the config, warns of what the upstream cannot
// answer, and is off where it says so, and without Piko.
func TestAccessLogLevels(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		accessLog, addr string
		piko            bool
		want            string // level; empty: no line
	}{
		"default":         {"{}", "", true, "INFO"},
		"error":           {"{level: error}", "", true, "ERROR"},
		"below the log's": {"{level: debug}", "", true, ""},
		"no upstream":     {"{level: debug}", "127.0.0.1:1", true, "WARN"},
		"disabled":        {"{disable: true}", "127.0.0.1:1", true, ""},
		"without piko":    {"{}", "", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := test.addr
			if addr == "" {
				addr = echo(t, "a").URL
			}
			s := pikotest.Start(t, pikotest.Options{})
			w := newWorld(t, addr)
			w.opts.Piko = test.piko
			w.write("agent.yaml", strings.Replace(pikoConfig(s, "", "svc", addr, "http"), "protocol: http,", "protocol: http, access_log: "+test.accessLog+",", 1))
			w.start()
			w.get("/")
			w.stop()
			lines := w.accessLines()
			if test.want == "" && len(lines) > 0 || test.want != "" && (len(lines) != 1 || lines[0].Level != test.want) {
				t.Errorf("lines %+v, want one at %q", lines, test.want)
			}
		})
	}
}

// TestAccessLogRefused tells of requests that no upstream sees.
func TestAccessLogRefused(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	w := pikoWorld(t, s, "svc", echo(t, "a").URL, "http")
	w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	w.start()
	w.registered(s, "svc", 1)
	ask(t, s, "svc", target)
	w.eventually("line", func() bool { return len(w.accessLines()) == 1 })
	if l := w.accessLines()[0]; l.Status != http.StatusUnauthorized {
		t.Errorf("line %+v", l)
	}
}

// TestHeaderFilter has allow_list and block_list choose, and neither show what
// lets somebody in but for cookies that are asked for.
func TestHeaderFilter(t *testing.T) {
	t.Parallel()
	header := http.Header{"Authorization": {"canary"}, "Cookie": {"a", "b"}, "X-A": {"1"}, "X-B": {"2"}}
	for name, test := range map[string]struct {
		filter schemas.HeaderFilter
		want   []string
	}{
		"none":  {schemas.HeaderFilter{}, []string{"Authorization: [secret]", "Cookie: [secret]", "Cookie: [secret]", "X-A: 1", "X-B: 2"}},
		"allow": {schemas.HeaderFilter{AllowList: []string{"x-a", "cookie", "authorization"}}, []string{"Authorization: [secret]", "Cookie: a", "Cookie: b", "X-A: 1"}},
		"block": {schemas.HeaderFilter{BlockList: []string{"X-A", "cookie", "authorization"}}, []string{"X-B: 2"}},
	} {
		if got := newHeaderFilter(test.filter).shown(header); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// TestLevelOf knows all levels of Piko.
func TestLevelOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError, "": slog.LevelInfo,
	} {
		if got := levelOf(name); got != want {
			t.Errorf("%q is %v, want %v", name, got, want)
		}
	}
}
