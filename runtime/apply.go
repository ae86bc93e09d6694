package runtime

import (
	"context"
	"errors"
	"log/slog"

	"lockstep/schemas"
)

// applier owns the way of the inputs: load, build, gate, swap. Its methods
// run on one goroutine at a time.
type applier struct {
	server   *Server
	watcher  *watcher
	buffers  *buffers
	rejected string   // digest of the last inputs that were not applied
	tried    []string // names of the last inputs
}

// load applies the first version; anything bad is an error.
func (s *Server) load(ctx context.Context) error {
	a := &applier{server: s, watcher: newWatcher(defaultPace(), s.opts.Logger), buffers: newBuffers()}
	s.onStop("watch", func(context.Context) error { a.watcher.close(); return nil })
	s.applier = a
	in, err := a.read()
	if err != nil {
		return err
	}
	next, err := a.admit(in, nil)
	if err != nil {
		return err
	}
	a.swap(ctx, in, next)
	return nil
}

// admit builds what the inputs ask for and asks the gate.
func (a *applier) admit(in *inputs, prev *snapshot) (*snapshot, error) {
	opts := &a.server.opts
	agreed, err := tier(opts, in)
	if err != nil {
		return nil, err
	}
	next, err := build(opts, a.buffers, in, prev)
	if err != nil {
		return nil, err
	}
	admission := opts.Gate(Candidate{
		Document: in.config, Tier: agreed, Policy: in.policy, Rollout: in.rollout, ReadFile: in.ReadFile,
	})
	if err := errors.Join(admission.Refusals...); err != nil {
		return nil, err
	}
	next.alarms = append(next.alarms, admission.Alarms...)
	return next, nil
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
	s, now, number := a.server, a.server.opts.Now(), 1
	old := s.current.Load()
	if old != nil {
		number = old.version.Number + 1
	}
	next.version = Version{Number: number, Digest: in.digest, Applied: now}
	next.inputs = in.names()
	for _, r := range next.routes {
		if r.auth != nil {
			r.counters, r.meters = s.metrics.requests.of(r.endpoint), s.metrics.metersFor(r.endpoint)
		}
	}
	s.current.Store(next)
	if old != nil {
		old.retire(next)
	}
	if s.recorder != nil {
		leaveWord(s.recorder.applied)
	}
	a.rejected = ""
	s.status.Store(&Status{Good: next.version, Alarms: next.alarms, Attempt: now})
	s.metrics.applied(next)
	s.opts.Logger.InfoContext(ctx, "applied", "version", number, "digest", in.digest,
		"endpoints", len(next.routes), "subjects", len(next.keys), "rollout", next.rolloutDigest)
	for _, text := range next.alarms {
		s.opts.Logger.WarnContext(ctx, "alarm", "cause", text)
	}
}

// reject keeps the last good version, and says so once for these inputs.
func (a *applier) reject(ctx context.Context, in *inputs, err error) {
	s := a.server
	a.rejected = in.digest
	good := s.current.Load()
	s.status.Store(&Status{Good: good.version, Alarms: good.alarms, Attempt: s.opts.Now(), Err: err})
	s.metrics.rejected()
	attrs := []slog.Attr{slog.String("error", err.Error()), slog.Int("version", good.version.Number)}
	if hints := schemas.Hints(err); len(hints) > 0 {
		attrs = append(attrs, slog.Any("hints", hints))
	}
	s.opts.Logger.LogAttrs(ctx, slog.LevelError, "rejected, the last good version stays", attrs...)
}

// unchanged notes that the files are what is served. If they were not before,
// somebody has taken a bad edit back.
func (a *applier) unchanged(ctx context.Context) {
	s := a.server
	s.metrics.unchanged()
	if a.rejected == "" {
		return
	}
	a.rejected = ""
	good := s.current.Load()
	s.status.Store(&Status{Good: good.version, Alarms: good.alarms, Attempt: s.opts.Now()})
	s.opts.Logger.InfoContext(ctx, "the files are the version that is served again", "version", good.version.Number)
}
