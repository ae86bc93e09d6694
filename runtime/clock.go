package runtime

import "time"

// A clock that is set by less than this is being kept right.
const clockStep = time.Second

// watchClock compares the clock of this machine with the time that has gone by
// since it was read last. Nothing is refused for a clock that was set: which
// of its times was the right one, nobody here can tell. But signatures are
// judged by it, so somebody has to know.
func (r *recorder) watchClock(now time.Time) {
	if !r.lastRead.IsZero() {
		r.clockMoved(now.Round(0).Sub(r.lastRead.Round(0)), now.Sub(r.lastRead)) // by the wall, and by a stopwatch
	}
	r.lastRead = now
}

func (r *recorder) clockMoved(wall, elapsed time.Duration) {
	step := wall - elapsed
	if step.Abs() < clockStep {
		return
	}
	r.metrics.clockSteps.Inc()
	r.opts.Logger.Warn("the clock of this machine was set; the times of signatures are held against it",
		"step_seconds", step.Seconds())
}
