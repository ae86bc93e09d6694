package runtime

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	goruntime "runtime"
	"strings"
	"testing"
	"time"
)

// TestSwapsLeaveNothingBehind makes 300 swaps, 10,000 with FULL=1, with
// requests between them, and has goroutines, descriptors and heap where they
// were. It is not parallel, as others have goroutines of their own.
func TestSwapsLeaveNothingBehind(t *testing.T) { //nolint:paralleltest // it counts what the process has
	swaps, warmUp := 300, 60
	if os.Getenv("FULL") != "" {
		swaps = 10_000
	}
	ca := authority(t)
	ups := []string{echo(t, "a").URL, echo(t, "b").URL}
	secure := tlsEcho(t, ca, false).URL
	w := newWorld(t, ups[0])
	w.write("ca0.pem", string(ca.Root()))
	w.write("ca1.pem", string(ca.Root())+"\n")
	w.opts.Logger = slog.New(slog.DiscardHandler)                // the log of a test stays in memory
	w.tune = func(s *Server) { s.pace.quiet = time.Millisecond } // nobody writes for longer
	w.start()
	var before level
	for i := 1; i <= swaps; i++ {
		w.swapTo(i, ups[i%2], secure)
		if i == warmUp {
			before = w.level()
		}
	}
	after := w.level()
	t.Logf("after %d swaps %+v, after %d swaps %+v", warmUp, before, swaps, after)
	switch {
	case after.goroutines > before.goroutines+5:
		t.Errorf("%d goroutines, %d before", after.goroutines, before.goroutines)
	case after.descriptors > before.descriptors+5:
		t.Errorf("%d descriptors, %d before", after.descriptors, before.descriptors)
	case after.heap > before.heap+before.heap/4+1<<20:
		t.Errorf("%d bytes of heap, %d before", after.heap, before.heap)
	}
}

// swapTo applies the i-th version: every third changes the mode, the others
// the upstream of svc, the roots of secure and whether there is one more
// listener. Two of them are asked once.
func (w *world) swapTo(i int, up, secure string) {
	w.t.Helper()
	number := w.server.Status().Good.Number
	if i%3 == 0 {
		w.replace("rollout.yaml", rollout("key/demo/k1", []string{"observe", "enforce"}[i/3%2], "file:k1"))
	} else {
		listeners := fmt.Sprintf("listeners:\n  - {endpoint_id: secure, addr: %q, timeout: 5s, tls: {root_cas: %s}}\n",
			secure, w.path(fmt.Sprintf("ca%d.pem", i%2)))
		if i%4 < 2 {
			listeners += fmt.Sprintf("  - {endpoint_id: extra, addr: %q, timeout: 5s}\n", up)
		}
		w.replace("agent.yaml", strings.Replace(agentConfig(up), "listeners:\n", listeners, 1))
	}
	w.server.Reload()
	w.applied(number)
	for _, endpoint := range []string{"secure", "svc"} {
		if status, body := w.send(http.MethodGet, endpoint, target, sign(w.t, secret1, target)...); status != http.StatusOK {
			w.t.Fatalf("version %d of %s: status %d, %s", i, endpoint, status, body)
		}
	}
}

// level is what a process has taken of what it has to give back.
type level struct{ goroutines, descriptors, heap int }

func (w *world) level() level {
	w.t.Helper()
	w.client.CloseIdleConnections()
	var l level
	w.eventually("rest", func() bool { // connections that were given up take a moment to end
		now := level{goroutines: goruntime.NumGoroutine(), descriptors: descriptors(w.t)}
		calm := now == l
		l = now
		return calm
	})
	var m goruntime.MemStats
	goruntime.GC()
	goruntime.GC() // what the first one has found to have a finalizer
	goruntime.ReadMemStats(&m)
	l.heap = int(m.HeapAlloc) //nolint:gosec // far from that
	return l
}

func descriptors(tb testing.TB) int {
	tb.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Fatal(err)
	}
	return len(open)
}
