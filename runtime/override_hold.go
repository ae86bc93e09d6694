package runtime

import (
	"context"
	"log/slog"
	"slices"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

// replace makes next the current snapshot, under the overrides of this moment.
func (s *Server) replace(ctx context.Context, next *snapshot) (old, served *snapshot) {
	s.swapping.Lock()
	defer s.swapping.Unlock()
	next = s.settle(ctx, next)
	return s.current.Swap(next), next
}

// settle returns next, which is about to be served, under the overrides that
// still fit its rollout. The others have lapsed for good.
func (s *Server) settle(ctx context.Context, next *snapshot) *snapshot {
	before := s.overrides.list
	live := next.fitting(before)
	if len(live) < len(before) {
		for _, o := range without(before, live) {
			s.opts.Logger.LogAttrs(ctx, slog.LevelWarn, "override lapsed, as the rollout's entry is another", overrideAttrs(o)...)
		}
		if err := s.overrides.store(live); err != nil {
			// What has lapsed fits no entry after a restart either.
			s.opts.Logger.ErrorContext(ctx, "overrides cannot be stored", "error", err)
		}
		s.overrides.list = live
	}
	if !slices.Equal(live, next.overrides) { // one was set or cleared meanwhile
		next = next.under(live, &s.opts)
	}
	s.metrics.overridden(live)
	return next
}

// serveUnder replaces the snapshot that is served by one that differs in its
// overrides alone. No file is read.
func (s *Server) serveUnder(list []schemas.Override) {
	old := s.current.Load()
	next := old.under(list, &s.opts)
	s.current.Store(next)
	s.applier.drain.supersede(old, next)
	old.retire(next)
	s.metrics.overridden(list)
	if s.recorder != nil {
		leaveWord(s.recorder.applied)
	}
}

// without returns the overrides of a list that are not in another.
func without(list, other []schemas.Override) []schemas.Override {
	return slices.DeleteFunc(slices.Clone(list), func(o schemas.Override) bool { return slices.Contains(other, o) })
}

// overrideAttrs are what a line of the log says of an override.
func overrideAttrs(o schemas.Override) []slog.Attr {
	return []slog.Attr{
		slog.String("subject", o.Subject), slog.String("mode", string(o.Mode)), slog.Time("since", o.Since),
		slog.String("who", o.Who), slog.String("reason", o.Reason),
	}
}

// fits reports whether the rollout still lists the entry that o was made for.
func (s *snapshot) fits(o schemas.Override) bool {
	return slices.ContainsFunc(s.keys, func(k *loadedKey) bool { return o.Entry == k.entry && o.Subject == k.subject.String() })
}

func (s *snapshot) fitting(list []schemas.Override) []schemas.Override {
	return slices.DeleteFunc(slices.Clone(list), func(o schemas.Override) bool { return !s.fits(o) })
}

// override puts keys in force, in the modes that overrides leave of them.
func (s *snapshot) override(keys []*loadedKey, list []schemas.Override) {
	s.keys, s.overrides = keys, list
	s.effective = heldKeys(keys, list)
}

// heldKeys are keys in the modes that overrides leave of them. An enforced key
// that is held takes those enforced beside it along, be it only for a while:
// Apollo asks no other key as long as one is enforced.
func heldKeys(keys []*loadedKey, list []schemas.Override) []*loadedKey {
	if len(list) == 0 {
		return keys
	}
	own, apps := map[string]schemas.Mode{}, map[string]schemas.Mode{}
	for _, o := range list {
		own[o.Subject] = o.Mode
	}
	for _, k := range keys {
		app := k.together()
		if mode, held := own[k.subject.String()]; held && k.state.Mode == schemas.ModeEnforce {
			apps[app] = weaker(mode, apps[app])
		}
	}
	held := make([]*loadedKey, len(keys))
	for i, k := range keys {
		mode := own[k.subject.String()]
		if k.state.Mode == schemas.ModeEnforce {
			mode = weaker(apps[k.together()], mode)
		}
		held[i] = k.heldAt(mode)
	}
	return held
}

// together names what steps back as one: all keys of an app, or one upstream.
func (k *loadedKey) together() string {
	if k.subject.Endpoint != "" {
		return k.subject.String()
	}
	return accesskey.FoldApp(k.subject.App)
}

// heldAt is the key with its entry weakened; none leaves it alone.
func (k *loadedKey) heldAt(mode schemas.Mode) *loadedKey {
	if mode == "" {
		return k
	}
	held := *k
	held.state.Mode = weaker(mode, held.state.Mode)
	if held.state.Then != "" {
		held.state.Then = weaker(mode, held.state.Then)
	}
	return &held
}

// weaker is the weaker of two modes, of which none counts for nothing.
func weaker(a, b schemas.Mode) schemas.Mode {
	if a == "" || (b != "" && b.Weaker(a)) {
		return b
	}
	return a
}

// overridden notes the overrides that are in force from now on.
func (m *metrics) overridden(list []schemas.Override) {
	m.override.Reset()
	for _, o := range list {
		m.override.WithLabelValues(o.Subject).Set(1)
	}
}
