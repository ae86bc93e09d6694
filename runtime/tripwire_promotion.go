package runtime

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

// A promotion is an entry of the rollout that enforces and is within bake.
type promotion struct {
	subject schemas.Subject // as the rollout spells it
	entry   string          // digest
	at      time.Time       // when this process began to enforce it

	held  schemas.RolloutSubject // in the mode that is served
	share int                    // per cent of the clients that the app's keys are enforced for

	good    map[string]*witness // verified clients that passed in the day before
	alerted bool                // it was said that one of them is refused
	tripped bool                // and that enough of them are
}

// A witness is a client that passed before a promotion, and its last signs in
// Unix milliseconds.
type witness struct {
	Passed  int64          `json:"passed"`
	Refused int64          `json:"refused,omitempty"`
	Reason  schemas.Reason `json:"reason,omitempty"` // of the last refusal
}

// isRefused reports whether the last sign of a client is a refusal.
func (w *witness) isRefused() bool { return w.Refused > w.Passed }

func (p *promotion) app() string { return accesskey.FoldApp(p.subject.App) }

func (p *promotion) enforcedAt(at time.Time) bool { return p.held.ModeAt(at) == schemas.ModeEnforce }

// isBefore reports whether a client that passed at ms passed in the day before
// the promotion.
func (p *promotion) isBefore(ms int64) bool {
	at := p.at.UnixMilli()
	return ms < at && ms >= at-passedBefore.Milliseconds()
}

// pass notes that a client has passed. News is what is worth writing: a client
// is good, or no longer refused. There are room witnesses to spare.
func (p *promotion) pass(seen sighting, room int) (news, hasRoom bool) {
	w := p.good[seen.who.client]
	if w == nil {
		if !p.isBefore(seen.first) {
			return false, true
		}
		if room <= 0 {
			return false, false
		}
		w, news = &witness{}, true
		p.good[seen.who.client] = w
	}
	was := w.isRefused()
	w.Passed = max(w.Passed, seen.last)
	return news || was, true
}

// refuse notes a failure if it was the refusal of a good client. What failed
// before the promotion, or was spared, was none. News is
// that the client is refused.
func (p *promotion) refuse(seen sighting) (news bool) {
	w, at := p.good[seen.who.client], time.UnixMilli(seen.last)
	if w == nil || seen.last < p.at.UnixMilli() || !p.enforcedAt(at) ||
		!schemas.InShare(seen.who.app, seen.who.client, p.share) {
		return false
	}
	was := w.isRefused()
	if seen.last > w.Refused {
		w.Refused, w.Reason = seen.last, seen.reason
	}
	return !was && w.isRefused()
}

// release forgets refusals, as nobody is refused while nothing is enforced.
func (p *promotion) release() {
	for _, w := range p.good {
		w.Refused, w.Reason = 0, schemas.ReasonNone
	}
}

// refused names the good clients whose last sign is a refusal, in order.
func (p *promotion) refused() []string {
	var names []string
	for _, client := range slices.Sorted(maps.Keys(p.good)) {
		if w := p.good[client]; w.isRefused() {
			names = append(names, fmt.Sprintf("%s (%s)", client, w.Reason))
		}
	}
	return names
}
