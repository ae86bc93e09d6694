package runtime

import (
	"context"
	"slices"
	"time"
)

// A writer that saves in place is given this much time to finish before what
// it left is declared bad.
const (
	holdFor   = 250 * time.Millisecond
	holdTimes = 3
)

// The sources of word that something may have changed, as a label.
const (
	sourceSignal = "signal"
	sourceAPI    = "api"
)

// Reload has all inputs read and judged again, also those that were rejected
// before, and applied if they differ from what is served. It returns at once,
// may be called from any goroutine, and calls in a row may be answered by one
// look. Before [Server.Start] it is remembered.
func (s *Server) Reload() { s.ask(sourceAPI) }

// Hangup is [Server.Reload] for SIGHUP, counted as such.
func (s *Server) Hangup() { s.ask(sourceSignal) }

func (s *Server) ask(source string) {
	s.metrics.watchEvents.WithLabelValues(source).Inc()
	leaveWord(s.asked)
}

// follow starts the goroutine that applies changes.
func (s *Server) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{}, 2)
	go func() { s.applier.watcher.run(ctx); done <- struct{}{} }()
	go func() { s.applier.run(ctx); done <- struct{}{} }()
	s.onStop("follow", func(context.Context) error {
		cancel()
		<-done
		<-done
		return nil
	})
	return nil
}

func (a *applier) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.watcher.changed:
			a.reload(ctx)
		case <-a.server.asked:
			a.server.opts.Logger.InfoContext(ctx, "asked to read the files again")
			a.rejected = "" // whoever asks gets an answer
			a.reload(ctx)
		}
	}
}

// reload applies what the files say now, if it is new and good. A file that
// is empty or makes no sense may be half written, so it gets some time first.
func (a *applier) reload(ctx context.Context) {
	good := a.server.current.Load()
	for try := 0; ; try++ {
		start := a.server.opts.Now()
		in, err := a.read()
		switch in.digest {
		case good.version.Digest:
			a.unchanged(ctx)
			return
		case a.rejected:
			return
		}
		var next *snapshot
		if err == nil {
			next, err = a.admit(in, good)
		}
		if try == holdTimes || (err == nil && !in.hasEmpty() && !next.worseThan(good)) {
			a.server.metrics.reloadDuration.Observe(a.server.opts.Now().Sub(start).Seconds())
			a.conclude(ctx, in, next, err)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(a.server.hold):
		}
	}
}

// read loads all inputs, each of them watched from before it was read: where
// a file names new ones, everything is read once more.
func (a *applier) read() (*inputs, error) {
	a.watcher.watch(a.watched())
	for {
		in, err := loadInputs(&a.server.opts)
		a.tried = in.names()
		if !a.watcher.watch(a.watched()) {
			return in, err
		}
	}
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
