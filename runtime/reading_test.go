package runtime

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// newSlow is a world of a server that lets inputs settle for as long as quiet,
// and how often its gate was asked.
func newSlow(t *testing.T, quiet time.Duration) (w *world, asked *atomic.Int64) {
	t.Helper()
	w, asked = newWorld(t, "8080"), &atomic.Int64{}
	w.opts.Gate = func(Candidate) Admission { asked.Add(1); return Admission{} }
	w.tune = func(s *Server) { s.pace = slowPace(); s.pace.quiet, s.pace.max = quiet, time.Hour }
	return w.start(), asked
}

// TestReadyBeforeSettled judges a change while it settles, and serves nothing
// of it before it has.
func TestReadyBeforeSettled(t *testing.T) {
	t.Parallel()
	w, asked := newSlow(t, time.Hour)
	w.replace("agent.yaml", agentConfig("8081"))
	w.eventually("early judgement", func() bool { return asked.Load() == 2 })
	if got := w.server.Status().Good.Number; got != 1 {
		t.Errorf("version %d is served before the files have settled", got)
	}
}

// TestReadyOnce takes over what was judged early, and does not judge it again.
func TestReadyOnce(t *testing.T) {
	t.Parallel()
	w, asked := newSlow(t, 300*time.Millisecond)
	for i := range int64(5) {
		w.replace("agent.yaml", agentConfig([]string{"8081", "8082"}[i%2]))
		w.applied(int(i) + 1)
		if got := asked.Load(); got != i+2 {
			t.Errorf("after %d changes the gate was asked %d times", i+1, got)
		}
	}
}

// TestReadyInVain changes the files again after they were judged early: that
// reading is never served.
func TestReadyInVain(t *testing.T) {
	t.Parallel()
	w, asked := newSlow(t, time.Second)
	w.replace("agent.yaml", agentConfig("8081"))
	w.eventually("early judgement", func() bool { return asked.Load() == 2 })
	w.replace("agent.yaml", strings.Replace(agentConfig("8082"), "svc", "other", 1))
	w.applied(1)
	status := w.server.Status()
	if got := status.Good.Number; got != 2 {
		t.Errorf("version %d is served, want one after the first", got)
	}
	if got := w.listener("other").EndpointID; got != "other" || len(status.Listeners) != 1 {
		t.Errorf("listeners %+v", status.Listeners)
	}
}
