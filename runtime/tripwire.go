package runtime

import (
	"context"
	"log/slog"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

// passedBefore is how long before a promotion a client has to have passed to be
// one that was good.
const passedBefore = 24 * time.Hour

// maxRemembered bounds the clients that are remembered because they passed, and
// again those that are watched after promotions. Only a verified client with a
// good signature takes room.
const maxRemembered = 50_000

// tripLimits are what the policy says of the tripwire.
type tripLimits struct {
	schemas.Tripwire

	bake time.Duration // from a promotion on, while it is watched
}

func tripLimitsOf(in *inputs) tripLimits {
	limits := tripLimits{Tripwire: in.policy.Runtime.Tripwire.Effective()}
	if in.rollout != nil {
		limits.bake = time.Duration(in.policy.Batching(in.rollout.Tier).Bake)
	}
	return limits
}

// blind says why a tripwire that is to step back never will; nothing if it can.
func (l tripLimits) blind(recording bool) []string {
	switch {
	case l.Mode != schemas.TripwireAuto:
		return nil
	case !recording:
		return []string{"the tripwire counts by the event log, and there is none: name one with --events"}
	case l.bake == 0:
		return []string{"the tripwire watches a promotion while it bakes, and this tier does not: set its `batches.<tier>.bake` in the policy"}
	}
	return nil
}

// A tripwire finds clients that passed before a promotion and are refused
// after it, and may take the promotion back. It counts verified clients, never
// requests: no number of bad signatures under a name that anybody can claim,
// from a stranger or from one client has any weight.
//
// It looks at tallies each time they are collected, so it costs a request
// nothing. It belongs to the goroutine of the recorder. A nil tripwire does
// nothing.
type tripwire struct {
	logger   *slog.Logger
	metrics  *metrics
	stepBack func(schemas.Override) error

	path       string // of the file that outlives the process; empty for none
	dirty      bool   // there is something to write
	failing    bool   // the last write failed
	started    bool   // a snapshot was looked at before
	full       bool   // there was no room for a client
	limit      int
	passes     passTimes
	promotions map[schemas.Subject]*promotion // by folded subject
	oks, fails []sighting                     // since the last look
}

// A passer is a verified client of an app, which is folded.
type passer struct{ app, client string }

// A sighting is a tally of a verified client.
type sighting struct {
	who         passer
	first, last int64 // Unix time in milliseconds
	reason      schemas.Reason
}

func newTripwire(ctx context.Context, s *Server) *tripwire {
	t := &tripwire{
		logger: s.opts.Logger, metrics: s.metrics, limit: maxRemembered,
		passes: passTimes{}, promotions: map[schemas.Subject]*promotion{},
		stepBack: func(o schemas.Override) error { return s.Override(context.WithoutCancel(ctx), o) },
	}
	t.recall(s.state)
	return t
}

// see takes a tally in.
func (t *tripwire) see(key tallyKey, tally schemas.Tally) {
	if t == nil || key.how != schemas.HowVerified || key.client == schemas.OverflowClient {
		return
	}
	subject, err := schemas.ParseSubject(key.subject)
	if err != nil { // of a snapshot, which was checked
		return
	}
	seen := sighting{passer{accesskey.FoldApp(subject.App), key.client}, tally.FirstMS, tally.LastMS, key.reason}
	if key.outcome == schemas.OutcomeOK {
		t.oks = append(t.oks, seen)
	} else {
		t.fails = append(t.fails, seen)
	}
}

// judge looks at what was seen since the last time, under the snapshot that is
// served now.
func (t *tripwire) judge(s *snapshot, now time.Time) {
	if t == nil {
		return
	}
	oks, fails := t.oks, t.fails
	t.oks, t.fails = nil, nil
	if s.tripwire.Mode == schemas.TripwireOff {
		return
	}
	t.follow(s, now)
	t.count(oks, fails)
	t.alarm(s.tripwire, now)
	t.passes.forget(now.Add(-passedBefore))
	t.save()
}

// count adds what was seen: passes first, as they make a client good.
func (t *tripwire) count(oks, fails []sighting) {
	apps := map[string][]*promotion{}
	room := t.limit
	for _, p := range t.promotions {
		apps[p.app()] = append(apps[p.app()], p)
		room -= len(p.good)
	}
	for _, seen := range oks {
		t.note(t.passes.add(seen, t.limit))
		for _, p := range apps[seen.who.app] {
			before := len(p.good)
			t.note(p.pass(seen, room))
			room -= len(p.good) - before
		}
	}
	for _, seen := range fails {
		for _, p := range apps[seen.who.app] {
			t.note(p.refuse(seen), true)
		}
	}
}

// note keeps in mind that there is something to write, or no room for it.
func (t *tripwire) note(news, room bool) {
	t.dirty = t.dirty || news
	if room {
		return
	}
	t.metrics.tripLeftOut.Inc()
	if !t.full {
		t.logger.Warn("too many clients pass to remember them all; the tripwire does not know the others", "remembered", t.limit)
	}
	t.full = true
}
