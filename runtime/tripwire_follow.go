package runtime

import (
	"maps"
	"time"

	"lockstep/schemas"
)

// passTimes are the Unix milliseconds at which clients passed last, within a day.
type passTimes map[passer]int64

// add notes a pass. That is worth writing once per hour and client: near
// enough to a day.
func (p passTimes) add(seen sighting, limit int) (news, room bool) {
	before, known := p[seen.who]
	if !known && len(p) >= limit {
		return false, false
	}
	p[seen.who] = max(before, seen.last)
	return seen.last/time.Hour.Milliseconds() > before/time.Hour.Milliseconds(), true
}

// forget drops who has not passed since then.
func (p passTimes) forget(since time.Time) {
	maps.DeleteFunc(p, func(_ passer, ms int64) bool { return ms < since.UnixMilli() })
}

// follow takes note of promotions, and drops those that are over: whose bake
// has ended, or whose entry is another.
func (t *tripwire) follow(s *snapshot, now time.Time) {
	watched, apps := map[schemas.Subject]*promotion{}, groupByApp(s.effective, now)
	for i, k := range s.keys {
		until := k.state.Since.Add(s.tripwire.bake)
		if k.key == nil || k.entry == "" || k.state.Mode != schemas.ModeEnforce || !now.Before(until) {
			continue
		}
		p := t.promotions[k.subject.Fold()]
		if p == nil || p.entry != k.entry {
			p = t.begin(k, s.version.Applied)
		}
		p.held, p.share = s.effective[i].state, 0
		if app := apps[p.app()]; app != nil {
			p.share = app.enforce.share
		}
		if !p.enforcedAt(now) {
			p.release()
		}
		watched[k.subject.Fold()] = p
	}
	t.dirty = t.dirty || len(watched) != len(t.promotions)
	t.promotions, t.started = watched, true
}

// begin makes a promotion of an entry. One that has come while the process ran
// has begun when it was applied; one that was there at the start, when it says.
func (t *tripwire) begin(k *loadedKey, applied time.Time) *promotion {
	p := &promotion{subject: k.subject, entry: k.entry, at: k.state.Since, good: map[string]*witness{}}
	if t.started {
		p.at = applied
	}
	room := t.limit
	for _, other := range t.promotions {
		room -= len(other.good)
	}
	for who, ms := range t.passes {
		if who.app == p.app() && p.isBefore(ms) {
			t.note(p.pass(sighting{who: who, first: ms, last: ms}, room-len(p.good)))
		}
	}
	t.dirty = true
	t.logger.Info("the tripwire watches a promotion", "subject", p.subject.String(), "promoted", p.at, "clients", len(p.good))
	return p
}
