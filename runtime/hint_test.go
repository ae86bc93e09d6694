package runtime

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// inBubble runs a test on a sequence whose clock and events are the model's,
// with a server that serves good files.
func inBubble(t *testing.T, of kind, test func(q *sequence, log *logBuffer)) {
	t.Helper()
	truth, log := newTruth(t, filepath.Join(t.TempDir(), "top")), &logBuffer{}
	synctest.Test(t, func(t *testing.T) {
		q := newSequence(t, truth, of, 1)
		q.shape, q.tick, q.calm = "plain", 1, true
		q.logger = slog.New(slog.NewJSONHandler(log, nil))
		q.lay()
		q.note()
		q.start(of)
		test(q, log)
		q.turn.Unlock()
		if err := q.server.unwind(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
}

// version is the number of the version that is served.
func (q *sequence) version() int { return q.server.Status().Good.Number }

// TestLogBesideTheConfig: events that are written into the directory of the
// config without a pause delay no reload, and lead to none.
func TestLogBesideTheConfig(t *testing.T) {
	t.Parallel()
	events := kinds()[0]
	inBubble(t, events, func(q *sequence, _ *logBuffer) {
		for n := range 400 {
			q.write(q.path("events.jsonl"), strings.Repeat("x", n))
			q.idle(func() { time.Sleep(time.Millisecond) })
		}
		if looks := q.server.applier.seen.taken; time.Since(looks) < 200*time.Millisecond {
			t.Errorf("the inputs were read again %v ago", time.Since(looks))
		}
		q.replace(q.path("agent.yaml"), q.good["agent.yaml"][1])
		saved := time.Now()
		for n := 0; q.version() == 1 && n < 1000; n++ {
			q.write(q.path("events.jsonl"), strings.Repeat("x", n))
			q.idle(func() { time.Sleep(time.Millisecond) })
		}
		if took, most := time.Since(saved), events.pace.quiet+longRest+breath+time.Millisecond; took > most {
			t.Errorf("applied after %v, want at most %v", took, most)
		}
	})
}

// TestSettle: what is written piece by piece is read once it has been left
// alone for a while, and what is never left alone after half a second.
func TestSettle(t *testing.T) {
	t.Parallel()
	inBubble(t, kinds()[0], func(q *sequence, _ *logBuffer) {
		for n := range 4 {
			q.write(q.path("agent.yaml"), q.good["agent.yaml"][n%variants])
			q.idle(func() { time.Sleep(40 * time.Millisecond) })
		}
		if q.version() != 1 {
			t.Error("read between two writes")
		}
		q.idle(func() { time.Sleep(20 * time.Millisecond) })
		if q.version() != 1 { // the last write is the first content
			t.Errorf("version %d", q.version())
		}
		start := time.Now()
		for n := 0; q.version() == 1 && n < 100; n++ {
			q.write(q.path("agent.yaml"), q.good["agent.yaml"][1+n%2])
			q.idle(func() { time.Sleep(10 * time.Millisecond) })
		}
		if took := time.Since(start); took < 500*time.Millisecond || took > 550*time.Millisecond {
			t.Errorf("applied after %v of writing without end", took)
		}
	})
}

// TestMissingIsSaidAgain, after 1, 5 and 30 minutes, and no more after that.
func TestMissingIsSaidAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, kinds()[2], func(q *sequence, log *logBuffer) {
		q.lost, q.stale = func() bool { return false }, func() bool { return false }
		q.remove(q.path("agent.yaml"))
		for _, step := range []struct {
			wait time.Duration
			said int
		}{{50 * time.Second, 0}, {30 * time.Second, 1}, {4 * time.Minute, 2}, {24 * time.Minute, 2}, {time.Minute, 3}, {24 * time.Hour, 3}} {
			q.idle(func() { time.Sleep(step.wait); synctest.Wait() })
			rejected, said := strings.Count(log.String(), `"msg":"rejected`), strings.Count(log.String(), "still missing")
			if rejected != 1 || said != step.said {
				t.Errorf("%v later: rejected %d times, said again %d times, want %d", step.wait, rejected, said, step.said)
			}
		}
		q.write(q.path("agent.yaml"), q.good["agent.yaml"][1])
		q.idle(func() { time.Sleep(time.Minute); synctest.Wait() })
		if q.version() != 2 || q.server.Status().Err != nil {
			t.Errorf("status %+v", q.server.Status())
		}
	})
}

// TestPairIsHeld: a certificate whose key follows 200 ms later is nothing to
// report.
func TestPairIsHeld(t *testing.T) {
	t.Parallel()
	inBubble(t, kinds()[0], func(q *sequence, log *logBuffer) {
		for n := range 4 {
			for _, name := range []string{"cert.pem", "key.pem"} {
				q.replace(q.path(name), q.good[name][(n+1)%variants])
				q.idle(func() { time.Sleep(200 * time.Millisecond) })
			}
			q.idle(func() { time.Sleep(time.Second); synctest.Wait() })
			if text := log.String(); q.version() != n+2 || strings.Contains(text, `"level":"ERROR"`) {
				t.Errorf("version %d after %d pairs; log:\n%s", q.version(), n+1, text)
			}
		}
	})
}
