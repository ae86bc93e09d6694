package compat

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// changes is how often the config is edited.
const changes = 200

// TestChangesUnderLoad edits the config of a running agent again and again,
// while clients that never retry call through the real server. An endpoint
// that stays and one whose upstream changes each time lose no request; a third
// one comes and goes meanwhile.
func TestChangesUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, lockstepAgent())
	ups := []string{w.upstream(named("0")), w.upstream(named("1"))}
	config := func(i int) string {
		text := fmt.Sprintf("  - {endpoint_id: stays, addr: %q, timeout: 5s}\n  - {endpoint_id: moves, addr: %q, timeout: 5s}\n", ups[0], ups[i%2])
		if i%4 < 2 {
			text += fmt.Sprintf("  - {endpoint_id: comes, addr: %q, timeout: 5s}\n", ups[0])
		}
		return text
	}
	if err := w.begin(config(0), "stays", "moves", "comes"); err != nil {
		t.Fatal(err)
	}
	clients := startLoad(w, "stays", "moves")
	for i := 1; i <= changes; i++ {
		err := w.write(w.connect("") + "listeners:\n" + config(i))
		if err = errors.Join(err, w.eventually("change", func() bool { return w.answers("moves", http.StatusOK, fmt.Sprint(i%2)) == nil })); err != nil {
			t.Fatalf("change %d: %v", i, err)
		}
	}
	clients.stop(t)
	for _, endpoint := range []string{"stays", "moves"} {
		if n := strings.Count(w.agent.said(), `"registered at piko","endpoint":"`+endpoint+`"`); n != 1 {
			t.Errorf("%s was registered %d times", endpoint, n)
		}
	}
}

// load is clients that call without a pause.
type load struct {
	end      atomic.Bool
	done     sync.WaitGroup
	mu       sync.Mutex
	requests map[string]int
	failures map[string][]string
}

func startLoad(w *world, endpoints ...string) *load {
	l := &load{requests: map[string]int{}, failures: map[string][]string{}}
	for _, endpoint := range endpoints {
		for range 4 {
			l.done.Go(func() {
				for !l.end.Load() {
					l.call(w, endpoint)
				}
			})
		}
	}
	return l
}

func (l *load) call(w *world, endpoint string) {
	failure := ""
	resp, err := http.DefaultTransport.RoundTrip(w.request(w.t.Context(), http.MethodGet, endpoint, "/", ""))
	switch {
	case err != nil:
		failure = err.Error()
	case resp.StatusCode != http.StatusOK:
		failure = resp.Status
	}
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			failure = err.Error()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests[endpoint]++
	if failure != "" {
		l.failures[endpoint] = append(l.failures[endpoint], failure)
	}
}

// stop ends the clients, and fails the test for each request that failed.
func (l *load) stop(t *testing.T) {
	t.Helper()
	l.end.Store(true)
	l.done.Wait()
	for endpoint, n := range l.requests {
		t.Logf("%s: %d requests, %d failed", endpoint, n, len(l.failures[endpoint]))
		if failures := l.failures[endpoint]; len(failures) > 0 {
			t.Errorf("%s: %d of %d requests failed, the first with %s", endpoint, len(failures), n, failures[0])
		}
	}
}
