package runtime

import (
	"context"
	"runtime/debug"
	"slices"
	"time"
)

// holdTimes is how often a writer that saves in place is given some time to
// finish before what it left is declared bad.
const holdTimes = 3

// The sources of word that something may have changed, as a label.
const (
	sourceInotify = "inotify"
	sourcePoll    = "poll"
	sourceSignal  = "signal"
	sourceAPI     = "api"
)

// Reload has all inputs read and judged again, also those that were rejected
// before, and applied if they differ from what is served. It returns at once,
// may be called from any goroutine, and calls in a row may be answered by one
// look. Before [Server.Start] it is remembered.
func (s *Server) Reload() { s.ask(sourceAPI) }

// Hangup is [Server.Reload] for SIGHUP, counted as such. It waits until the
// files have been judged, for those who have to say so.
func (s *Server) Hangup(ctx context.Context) error {
	s.metrics.watchEvents.WithLabelValues(sourceSignal).Inc()
	return s.act(ctx, func(ctx context.Context) error {
		s.opts.Logger.InfoContext(ctx, "asked to read the files again")
		s.applier.reload(ctx, true)
		return nil
	})
}

// Alive returns once the goroutine that applies changes has answered, which a
// process that is stuck does not.
func (s *Server) Alive(ctx context.Context) error {
	return s.act(ctx, func(context.Context) error { return nil })
}

func (s *Server) ask(source string) {
	s.metrics.watchEvents.WithLabelValues(source).Inc()
	leaveWord(s.asked)
}

// follow starts the goroutine that applies changes, the only one that does.
func (s *Server) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { defer close(done); s.applier.run(ctx) }()
	s.onStop("follow", func(context.Context) error { cancel(); <-done; return nil })
	return nil
}

// run has every source of hints end in the same loop: applies are serial, and
// what was read last is known.
func (a *applier) run(ctx context.Context) {
	poll, hash, tidy := time.NewTimer(a.pollInterval()), time.NewTicker(a.server.pace.hash), time.NewTimer(a.server.pace.tidy)
	defer poll.Stop()
	defer hash.Stop()
	defer tidy.Stop()
	for last := a.seen; ctx.Err() == nil; {
		select {
		case <-ctx.Done():
		case <-tidy.C:
			debug.FreeOSMemory() // of a thousand listeners, reading them takes more than serving them
		case hint := <-a.watcher.woken:
			a.hinted(ctx, hint)
		case <-poll.C:
			a.poll(ctx)
			poll.Reset(a.pollInterval())
		case <-hash.C:
			a.reload(ctx, false)
		case <-a.server.asked:
			a.server.opts.Logger.InfoContext(ctx, "asked to read the files again")
			a.reload(ctx, true)
		case do := <-a.server.acts:
			do(ctx)
		}
		if a.seen != last { // something was read
			last = a.seen
			tidy.Reset(a.server.pace.tidy)
		}
	}
}

// reload applies what the files say now, if it is new and good. A file that
// is empty or makes no sense may be half written, and a certificate may wait
// for its key, so they get some time first. What was rejected before is only
// judged again for somebody who asked, who gets an answer.
func (a *applier) reload(ctx context.Context, asked bool) {
	good := a.server.current.Load()
	for try := 0; ; try++ {
		start := a.server.opts.Now()
		was := a.read()
		in, err := a.overruled(ctx, was.in, was.err)
		switch {
		case in.digest == good.version.Digest && !a.server.tcp.retry(ctx) && !a.gainsPiko(in, good):
			a.missing, a.doubtful = missing{}, in.doubtful()
			a.unchanged(ctx)
			return
		case in.digest == a.rejected && !asked:
			return
		}
		var next *snapshot
		if err == nil {
			next, err = a.judge(was, in, good)
		}
		if try == holdTimes || (err == nil && !a.doubts(in) && !next.worseThan(good)) {
			a.server.metrics.reloadDuration.Observe(a.server.opts.Now().Sub(start).Seconds())
			a.conclude(ctx, in, next, err)
			a.missing, a.doubtful = a.newMissing(in, err != nil || len(next.held()) > 0), in.doubtful()
			return
		}
		if !wait(ctx, a.server.pace.hold) {
			return
		}
	}
}

// doubts reports whether a file has become empty or missing since inputs were
// last judged. One that has been for longer is no reason to wait.
func (a *applier) doubts(in *inputs) bool {
	for name := range in.doubtful() {
		if !a.doubtful[name] {
			return true
		}
	}
	return false
}

// place watches the inputs and returns what they looked like when all of them
// were watched, or all that can be. After an overflow, or any other error of
// the watch, nobody knows which events are missing, so it starts over.
func (a *applier) place() *survey {
	for try := 1; ; try++ {
		now := a.calm // no word of before it is waiting
		if a.calm = nil; now == nil {
			a.watcher.forget()
			now = a.look()
		}
		a.watcher.inputs.Store(now)
		if err := a.watcher.failure(now); err != nil {
			a.watcher.logger.Info("the watch of files starts over", "error", err)
			a.watcher.close()
		}
		if !a.watcher.place(now.watched) || try == maxReads {
			return now
		}
	}
}

// look takes the stamps of the inputs.
func (a *applier) look() *survey {
	now := newSurvey(a.watched(), a.server.opts.Now(), a.server.disk.lstat)
	if a.last == nil || !a.last.equal(now) {
		a.changed = now.taken
	}
	a.last = now
	return now
}

// watched names the inputs of the last good version and of the last attempt:
// a fault may be mended in either.
func (a *applier) watched() []string {
	if good := a.server.current.Load(); good != nil {
		return slices.Concat(good.inputs, a.tried)
	}
	opts := &a.server.opts
	documents := []string{opts.Config, opts.Policy, opts.Rollout}
	return slices.Concat(slices.DeleteFunc(documents, func(path string) bool { return path == "" }), a.tried)
}

// wait lets time pass, unless ctx ends.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
