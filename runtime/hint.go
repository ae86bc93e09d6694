package runtime

import (
	"context"
	"time"
)

// Hints in a row that lead to nothing, as from a log in the directory of the
// config, are looked into ever less often.
const (
	firstRest = time.Millisecond
	longRest  = 5 * time.Millisecond
	restShare = 20 // of the time, at most one part in so many goes into looking
)

// breath is the least time between two looks while inputs change.
const breath = 5 * time.Millisecond

// hinted follows an event of a watched directory, which may be about anything
// in it: only if the inputs look different from when they were read are they
// read again.
func (a *applier) hinted(ctx context.Context, hint time.Time) {
	now := a.look()
	if a.watcher.failure(now) == nil && a.nothingNew(now, hint) {
		a.rest(ctx, now, hint)
		return
	}
	a.pause = 0
	a.settle(ctx, now)
	a.reload(ctx, false)
}

// nothingNew reports whether what was read last is still there, whatever the
// first hint since was about. Equal stamps prove that but for a change within
// one tick of the change before it. That one was seen, so for a while after it
// every hint is believed.
func (a *applier) nothingNew(now *survey, hint time.Time) bool {
	return a.seen.equal(now) && hint.Sub(a.changed) >= now.grain()
}

// rest follows a look that has found nothing. It is cut short by an event that
// has the name of an input.
func (a *applier) rest(ctx context.Context, look *survey, hint time.Time) {
	if hint.Sub(a.rested) > fineGrain {
		a.pause = 0
	}
	took := a.server.opts.Now().Sub(look.taken)
	a.pause = min(max(2*a.pause, firstRest), max(longRest, restShare*took))
	select {
	case <-ctx.Done():
	case <-a.watcher.named:
	case <-time.After(a.pause):
	}
	a.rested = a.server.opts.Now()
}

// settle waits until the inputs have looked the same for a while, and gets ready
// meanwhile what they say. Events only have it look earlier, so that a log
// beside the config delays nothing.
func (a *applier) settle(ctx context.Context, now *survey) {
	deadline := time.NewTimer(a.server.pace.max)
	defer deadline.Stop()
	quiet, early := time.NewTimer(a.untilQuiet(now)), time.NewTimer(a.server.pace.early)
	defer quiet.Stop()
	defer early.Stop()
	for {
		calm := false
		select {
		case <-ctx.Done():
			return
		case <-deadline.C:
			return
		case <-quiet.C:
			calm = true
		case <-early.C:
			a.prepare(now)
			calm = fired(quiet.C)
		case <-a.watcher.woken:
			wait(ctx, breath)
			calm = fired(quiet.C) // where words never end, it would be left to chance
		}
		if calm {
			a.watcher.forget() // what comes from here on is not in the look that follows
		}
		next := a.look()
		switch {
		case !next.equal(now):
			now = next
			quiet.Reset(a.untilQuiet(now))
			early.Reset(a.server.pace.early)
		case calm:
			a.calm = next
			return
		}
	}
}

func fired(timer <-chan time.Time) bool {
	select {
	case <-timer:
		return true
	default:
		return false
	}
}

// untilQuiet is how long inputs still have to look as they did in a survey.
func (a *applier) untilQuiet(now *survey) time.Duration {
	quiet := a.server.pace.quiet
	return quiet - a.server.opts.Now().Sub(now.since(quiet/2))
}

// pollInterval is the time to the next look without any event.
func (a *applier) pollInterval() time.Duration {
	if a.watcher.remote {
		return a.server.pace.remote
	}
	return a.server.pace.poll
}

// poll finds what no event told of, and watches what could not be watched.
func (a *applier) poll(ctx context.Context) {
	defer a.remind(ctx)
	now := a.look()
	if a.seen.equal(now) && a.watcher.failure(now) == nil && !a.watcher.place(now.watched) {
		return
	}
	a.server.metrics.watchEvents.WithLabelValues(sourcePoll).Inc()
	a.settle(ctx, now)
	a.reload(ctx, false)
}
