package runtime

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"lockstep/schemas"
)

// applier owns the way of the inputs: load, gate, build, swap. Its methods
// run on one goroutine at a time.
type applier struct {
	server   *Server
	watcher  *watcher
	buffers  *buffers
	drain    *drain
	rejected string          // digest of the last inputs that were not applied
	tried    []string        // names of the last inputs
	missing  missing         // of them
	doubtful map[string]bool // of those that were judged last

	seen    *survey       // of just before they were read
	last    *survey       // the last one
	calm    *survey       // the one with which they have come to rest; nil once it was used
	early   *reading      // of inputs that were still settling; nil once it was used
	changed time.Time     // when one differed from the one before
	pause   time.Duration // after the last hint that led to nothing
	rested  time.Time     // when it was over

	rollback *versionRollback   // to a version that is served instead of the files, if any
	instead  map[string]content // the documents of that version, by path
}

func newApplier(s *Server) *applier {
	return &applier{server: s, buffers: newBuffers(), drain: newDrain(&s.current, s.opts.Now)}
}

// load applies the first version; anything bad is an error.
func (s *Server) load(ctx context.Context) error {
	a := newApplier(s)
	a.watcher = newWatcher(s)
	s.onStop("watch", func(context.Context) error { a.watcher.close(); a.drain.close(); return nil })
	s.applier = a
	s.tcp = newTCPServer(s)
	s.onStop("tcp", s.tcp.stop)
	s.metrics.registry.MustRegister(newListenerCollector(&s.current, a.drain, s.opts.Now))
	return a.start(ctx)
}

// admit asks the gate, and builds what the inputs ask for without the
// listeners that it refuses.
func (a *applier) admit(in *inputs, prev *snapshot) (*snapshot, error) {
	opts := &a.server.opts
	agreed, err := tier(opts, in)
	if err != nil {
		return nil, err
	}
	refused, alarms, err := a.ask(in, agreed)
	if err != nil {
		return nil, err
	}
	next, err := a.builder(in, refused, prev).build()
	if err != nil {
		return nil, err
	}
	next.alarms = append(next.alarms, alarms...)
	return next, nil
}

func (a *applier) builder(in *inputs, refused map[int]error, prev *snapshot) *builder {
	return &builder{
		opts: &a.server.opts, buffers: a.buffers, drain: a.drain, in: in, refused: refused, prev: prev,
		handshakes: a.server.handshakes, overrides: a.server.overridesNow(),
	}
}

// ask lets the gate judge, and sorts what it refuses by the index of the
// listener in the file. An error refuses the whole config. What was applied
// once is always admitted: a restart at night does not fail for a date that
// has passed.
func (a *applier) ask(in *inputs, agreed schemas.Tier) (refused map[int]error, alarms []string, err error) {
	if len(in.agent.Listeners) == 0 { // that could be read: nothing new asks to be let in
		return nil, nil, nil
	}
	admission := a.server.opts.Gate(Candidate{
		Document: in.config, Checked: in.judged(), Tier: agreed, Policy: in.policy, Rollout: in.rollout, ReadFile: in.ReadFile,
	})
	refused, alarms = map[int]error{}, admission.Alarms
	for _, r := range admission.Refusals {
		e := in.atIndex(r.Listener)
		switch {
		case in.admitted || a.server.state.knows(in.digest):
			alarms = append(alarms, r.Err.Error())
		case e == nil:
			err = errors.Join(err, r.Err)
		default:
			refused[e.index] = errors.Join(refused[e.index], r.Err)
		}
	}
	return refused, alarms, err
}

func (a *applier) conclude(ctx context.Context, in *inputs, next *snapshot, err error) {
	if err != nil {
		a.reject(ctx, in, err)
		return
	}
	a.swap(ctx, in, next)
}

// swap makes next the current snapshot. Everything that can fail has been
// done; from here on requests see the new version, and the old one only
// loses the connections that nobody needs any more.
func (a *applier) swap(ctx context.Context, in *inputs, next *snapshot) {
	s, now, number := a.server, a.server.opts.Now(), a.nextNumber(in.digest)
	s.tcp.bind(ctx, next, s.current.Load())
	next.stamp(Version{Number: number, Digest: in.digest, Applied: now})
	next.inputs, next.admin = in.names(), in.policy.Runtime.Admin
	for _, r := range next.routes {
		if r.auth != nil {
			r.counters, r.meters = s.metrics.requests.of(r.endpoint), s.metrics.meters.of(r.endpoint)
		}
		if r.instances != nil {
			r.instances.count(r.endpoint, s.metrics.instances)
		}
	}
	old, next := s.replace(ctx, next)
	s.tcp.settle(next)
	s.tunnel.settle(next)
	if old != nil {
		old.retire(next)
		a.drain.supersede(old, next)
	}
	if s.recorder != nil {
		leaveWord(s.recorder.applied)
	}
	if s.opts.Level != nil {
		s.opts.Level.Set(levelOf(in.agent.Log.Level))
	}
	a.keep(ctx, in, next)
	a.rejected = ""
	s.metrics.applied(next, in.kept)
	a.report(ctx, old, next)
	s.status.Store(next.status(now, nil)) // last, so that whoever waits for it finds all else
}

// report logs what was applied, and what is wrong with it now that was not
// before. Whoever is woken by a log is woken once; status has all that holds.
func (a *applier) report(ctx context.Context, old, next *snapshot) {
	logger, held := a.server.opts.Logger, next.held()
	logger.InfoContext(ctx, "applied", "version", next.version.Number, "digest", next.version.Digest,
		"endpoints", len(next.routes), "subjects", len(next.keys), "rollout", next.rolloutDigest, "held", len(held))
	for _, l := range held {
		logger.LogAttrs(ctx, slog.LevelError, "the listener is held at its last good version, 0 being none", append(faultAttrs(l.Err),
			slog.String("listener", l.Name), slog.Int("version", l.Version))...)
	}
	var before []string
	if old != nil {
		before = old.alarms
	}
	for _, text := range next.alarms {
		if !slices.Contains(before, text) {
			logger.WarnContext(ctx, "alarm", "cause", text)
		}
	}
	for _, text := range before {
		if !slices.Contains(next.alarms, text) {
			logger.InfoContext(ctx, "the alarm is over", "cause", text)
		}
	}
}

// faultAttrs are an error and what to do about it, for the log.
func faultAttrs(err error) []slog.Attr {
	attrs := []slog.Attr{slog.String("error", err.Error())}
	if hints := schemas.Hints(err); len(hints) > 0 {
		attrs = append(attrs, slog.Any("hints", hints))
	}
	return attrs
}

// reject keeps the last good version, and says so once for these inputs.
func (a *applier) reject(ctx context.Context, in *inputs, err error) {
	s := a.server
	a.rejected = in.digest
	good := s.current.Load()
	s.metrics.rejected()
	s.opts.Logger.LogAttrs(ctx, slog.LevelError, "rejected, the last good version stays",
		append(faultAttrs(err), slog.Int("version", good.version.Number))...)
	s.status.Store(good.status(s.opts.Now(), err))
}

// unchanged notes that the files are what is served. If they were not before,
// somebody has taken a bad edit back.
func (a *applier) unchanged(ctx context.Context) {
	s := a.server
	good := s.current.Load()
	s.metrics.unchanged(good)
	if a.rejected == "" && s.status.Load().Err == nil {
		return
	}
	a.rejected = ""
	s.opts.Logger.InfoContext(ctx, "the files are the version that is served again", "version", good.version.Number)
	s.status.Store(good.status(s.opts.Now(), nil))
}
