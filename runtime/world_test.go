package runtime

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(editDir); dir != "" {
		fmt.Fprintln(os.Stderr, editProcess(context.Background(), dir))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// world is a directory with all files of a server, and the server.
type world struct {
	t      testing.TB
	dir    string
	opts   Options
	server *Server
	log    *logBuffer
	client *http.Client
	hold   time.Duration
	tune   func(*Server) // before the start; may be nil
}

// secret1 and secret2 are the keys of the worlds.
const (
	secret1 = "canary-1-df23df3f59884980844ff3dada30fa97"
	secret2 = "canary-2-4980844ff3dada30fa97df23df3f5988"
)

// target is a guarded request of the app demo.
const target = "/configs/demo/default/application?ip=10.1.2.3"

const plainPolicy = `version: 1
listeners:
  svc: {auth: apollo, app: demo}
environments:
  fat: {tier: staging}
runtime: {flush_interval: 20ms}
`

// newWorld has one listener svc, which forwards to an upstream, and observes
// the key key/demo/k1.
func newWorld(tb testing.TB, addr string) *world {
	tb.Helper()
	w := &world{t: tb, dir: tb.TempDir(), log: &logBuffer{}, hold: 20 * time.Millisecond}
	w.client = &http.Client{Transport: &http.Transport{DisableCompression: true}}
	tb.Cleanup(w.client.CloseIdleConnections)
	w.write("agent.yaml", agentConfig(addr))
	w.write("policy.yaml", plainPolicy)
	w.write("rollout.yaml", rollout("key/demo/k1", "observe", "file:k1"))
	w.write("k1", secret1+"\n")
	// Not beside the config: events that are written there all the time would
	// keep the watcher from ever seeing a quiet moment.
	if err := os.Mkdir(w.path("log"), 0o700); err != nil {
		tb.Fatal(err)
	}
	w.opts = Options{
		Config: w.path("agent.yaml"), Policy: w.path("policy.yaml"), Rollout: w.path("rollout.yaml"),
		Events: w.path("log/events.jsonl"), Listen: "127.0.0.1:0", Metrics: "127.0.0.1:0",
		Node: "n1", Version: "test", Now: time.Now, Logger: slog.New(slog.NewJSONHandler(w.log, nil)),
	}
	return w
}

// agentConfig has one listener svc.
func agentConfig(addr string) string {
	return fmt.Sprintf("listeners:\n  - {endpoint_id: svc, addr: %q, timeout: 5s}\ngrace_period: 5s\n", addr)
}

// rollout lists subjects as triples of name, mode and secret.
func rollout(subjects ...string) string {
	var b strings.Builder
	b.WriteString("version: 1\nenvironment: fat\ntier: staging\nsubjects:")
	if len(subjects) == 0 {
		b.WriteString(" {}")
	}
	for i := 0; i < len(subjects); i += 3 {
		fmt.Fprintf(&b, "\n  %s: {mode: %s, since: 2026-01-01T00:00:00Z, secret: %q}",
			subjects[i], subjects[i+1], subjects[i+2])
	}
	return b.String() + "\n"
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// write saves in place, as an editor that keeps the inode.
func (w *world) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// replace saves by renaming a new file over the old one.
func (w *world) replace(name, text string) {
	w.t.Helper()
	w.write(name+".tmp", text)
	if err := os.Rename(w.path(name+".tmp"), w.path(name)); err != nil {
		w.t.Fatal(err)
	}
}

// start starts the server, which is stopped at the end of the test.
func (w *world) start() *world {
	w.t.Helper()
	var err error
	if w.server, err = New(w.opts); err != nil {
		w.t.Fatal(err)
	}
	w.server.pace.hold = w.hold
	if w.tune != nil {
		w.tune(w.server)
	}
	if err := w.server.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.stop)
	return w
}

// stop stops the server; it may be called twice.
func (w *world) stop() {
	w.client.CloseIdleConnections() // or the server waits to take leave of them
	if err := w.server.Stop(context.WithoutCancel(w.t.Context())); err != nil {
		w.t.Errorf("stop: %v", err)
	}
}

// get sends a request for the endpoint svc. Headers are pairs of name and value.
func (w *world) get(target string, headers ...string) (status int, body string) {
	w.t.Helper()
	return w.send(http.MethodGet, "svc", target, headers...)
}

func (w *world) send(method, endpoint, target string, headers ...string) (status int, body string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, "http://"+w.server.Addr()+target, http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("X-Piko-Endpoint", endpoint)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// ops reads a page of the operators' address.
func (w *world) ops(path string) (status int, body string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://"+w.server.MetricsAddr()+path, http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// eventually waits until a condition holds.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("no %s in time; status %+v; log:\n%s", what, w.server.Status(), w.log.String())
		}
	}
}

// applied waits until a later version than number is served, with no listener
// held.
func (w *world) applied(number int) {
	w.t.Helper()
	w.eventually("new version", func() bool {
		s := w.server.Status()
		held := slices.ContainsFunc(s.Listeners, func(l ListenerStatus) bool { return l.Err != nil })
		return s.Good.Number > number && s.Err == nil && !held
	})
}

// held waits until a listener is held in a later version than number, and
// says why.
func (w *world) held(number int, name string) string {
	w.t.Helper()
	var l ListenerStatus
	w.eventually("hold of "+name, func() bool {
		l = w.listener(name)
		return w.server.Status().Good.Number > number && l.Err != nil
	})
	return l.Err.Error()
}

// listener is the status of a listener, empty if there is none of that name.
func (w *world) listener(name string) ListenerStatus {
	for _, l := range w.server.Status().Listeners {
		if l.Name == name {
			return l
		}
	}
	return ListenerStatus{}
}

// rejected waits until the last attempt has failed, and says why.
func (w *world) rejected() string {
	w.t.Helper()
	w.eventually("rejection", func() bool { return w.server.Status().Err != nil })
	return w.server.Status().Err.Error()
}

// events reads the event log at path, every line of which has to be an event
// with the next number.
func (w *world) events(path string) []schemas.Event {
	w.t.Helper()
	file, err := os.Open(path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer file.Close()
	var events []schemas.Event
	for lines := bufio.NewScanner(file); lines.Scan(); {
		e, err := schemas.ParseEvent(lines.Text())
		if err != nil {
			w.t.Fatalf("%s: %v", lines.Bytes(), err)
		}
		if want := uint64(len(events)) + 1; e.Seq != want {
			w.t.Fatalf("event %d has number %d", want, e.Seq)
		}
		events = append(events, e)
	}
	return events
}

// tallied sums up the tallies by "subject client how outcome reason".
func tallied(events []schemas.Event) map[string]uint64 {
	counts := map[string]uint64{}
	for _, e := range events {
		if e.Kind == schemas.EventTally {
			name := strings.TrimSpace(strings.Join([]string{
				e.Subject, e.Client, string(e.How), string(e.Outcome), string(e.Reason),
			}, " "))
			counts[name] += e.Count
		}
	}
	return counts
}

// sign returns the headers of a request that is signed now.
func sign(tb testing.TB, secret, target string) []string {
	tb.Helper()
	h, err := accesskey.Sign(schemas.NewSecret([]byte(secret)), "demo", target, time.Now())
	if err != nil {
		tb.Fatal(err)
	}
	return []string{"Timestamp", h.Timestamp, "Authorization", h.Authorization}
}

// echo is an upstream that answers with a name and what it received.
func echo(tb testing.TB, name string) *httptest.Server {
	tb.Helper()
	server := httptest.NewServer(echoHandler(name))
	tb.Cleanup(server.Close)
	return server
}

func echoHandler(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{
			"name": name, "method": r.Method, "target": r.RequestURI, "host": r.Host, "header": r.Header,
		})
	})
}

// logBuffer is a log that may be read while it is written.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// slowUpstream says when a request has arrived, and answers once leave is closed.
func slowUpstream(t *testing.T, arrived chan<- struct{}, leave <-chan struct{}) (addr string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-leave:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}
