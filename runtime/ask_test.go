package runtime

import (
	"errors"
	"strings"
	"testing"
)

// TestReloadAnswers: who asks for a look gets an answer, also to what was
// found to be bad before and would not be looked at again by itself.
func TestReloadAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	var err error
	if w.server, err = New(w.opts); err != nil {
		t.Fatal(err)
	}
	w.server.Reload() // before the start it is remembered
	w.server.pace.hold = w.hold
	if err := w.server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.stop)
	w.eventually("look", func() bool { return strings.Contains(w.log.String(), "asked to read the files again") })
	w.write("agent.yaml", "nonsense")
	w.rejected()
	hangup := func() {
		if err := errors.Join(w.server.Hangup(t.Context()), w.server.Alive(t.Context())); err != nil {
			t.Error(err)
		}
	}
	for n, ask := range []func(){w.server.Reload, hangup} {
		ask()
		w.eventually("second rejection", func() bool {
			return strings.Count(w.log.String(), "rejected, the last good version stays") == n+2
		})
	}
	metrics := w.metrics()
	for source, want := range map[string]string{"api": "2", "signal": "1"} {
		if got := metrics[`lockstep_watch_events_total{source="`+source+`"}`]; got != want {
			t.Errorf("events by %s: %s, want %s", source, got, want)
		}
	}
}
