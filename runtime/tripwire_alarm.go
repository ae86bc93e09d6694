package runtime

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// namedClients is how many clients an alarm names.
const namedClients = 3

// alarm says, once for a promotion and condition, that a client is refused,
// and that enough of them are to step back. Of several keys of an app the one
// that was promoted last is suspected, for all of them.
func (t *tripwire) alarm(limits tripLimits, now time.Time) {
	order := slices.SortedFunc(maps.Values(t.promotions), func(a, b *promotion) int {
		return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.subject.String(), b.subject.String()))
	})
	for _, p := range order {
		if p.tripped || !p.enforcedAt(now) {
			continue
		}
		refused := p.refused()
		if len(refused) > 0 && !p.alerted {
			t.alert("a client", p, refused)
			t.mark(p, func(same *promotion) { same.alerted = true })
		}
		if len(refused) >= limits.Clients {
			t.trip(p, refused, limits.Mode)
		}
	}
}

// trip steps back if it may, and says why. If it could not, it is tried again.
func (t *tripwire) trip(p *promotion, refused []string, mode schemas.TripwireMode) {
	if mode == schemas.TripwireAuto {
		err := t.stepBack(schemas.Override{Subject: p.subject.String(), Mode: schemas.ModeObserve, Who: "tripwire", Reason: tripReason(refused)})
		if err != nil {
			t.logger.Error("the tripwire cannot step back", "subject", p.subject.String(), "error", err)
			return
		}
	}
	t.alert("enough clients", p, refused)
	t.mark(p, func(same *promotion) { same.tripped = true })
}

// mark changes all promotions of the app of p: their clients are the same.
func (t *tripwire) mark(p *promotion, change func(*promotion)) {
	for _, same := range t.promotions {
		if same.app() == p.app() {
			change(same)
		}
	}
	t.dirty = true
}

func (t *tripwire) alert(condition string, p *promotion, refused []string) {
	t.metrics.tripAlerts.WithLabelValues(p.subject.String()).Inc()
	t.logger.Warn("clients that passed before the promotion are refused", "condition", condition,
		"subject", p.subject.String(), "promoted", p.at, "count", len(refused), "clients", refused[:min(len(refused), namedClients)])
}

func tripReason(refused []string) string {
	reason := fmt.Sprintf("%d clients are refused that passed before: %s",
		len(refused), strings.Join(refused[:min(len(refused), namedClients)], ", "))
	if left := len(refused) - namedClients; left > 0 {
		reason += fmt.Sprintf(" and %d more", left)
	}
	return reason
}
