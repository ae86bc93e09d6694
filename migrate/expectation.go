package migrate

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"lockstep/schemas"
)

// An expectation is a client of the inventory that has not come in the time
// that counts.
type expectation struct {
	name     string
	entry    *schemas.InventoryClient
	attested *schemas.Decision // nil if nobody makes sure that it signs
	last     time.Time         // sign of life before; zero if there was none
	gap      time.Duration     // between two signs of life, at most
	due      time.Time
}

// gone is the weight below which a client is not worth a word.
const gone = 0.01

// expectations lists the clients that are expected and have not come, by
// name, but for those that may be refused.
func (g *gate) expectations(a *app) []expectation {
	var missing []expectation
	for _, name := range slices.Sorted(maps.Keys(a.expected)) {
		if !a.hasCome(name) && a.waiver(name) == nil {
			missing = append(missing, g.expectation(a, name))
		}
	}
	return missing
}

func (g *gate) expectation(a *app, name string) expectation {
	e := expectation{name: name, entry: a.expected[name], attested: a.attested[name], gap: time.Duration(g.limits.MaxPeriod)}
	switch {
	case e.entry.Cadence > 0:
		e.gap = time.Duration(e.entry.Cadence)
	case e.entry.Gap > 0:
		e.gap = time.Duration(e.entry.Gap)
	}
	e.last = e.entry.Last
	for _, how := range []schemas.How{schemas.HowVerified, schemas.HowClaimed} {
		if c := a.clients[clientKey{name, how}]; c != nil {
			e.last = later(e.last, utc(c.latest))
		}
	}
	if e.last.After(g.in.Now) { // by a clock that is ahead
		e.last = g.in.Now
	}
	e.last, e.due = e.last.UTC(), e.last.UTC().Add(e.gap)
	if e.last.IsZero() {
		e.due = g.in.Now.UTC().Add(min(0, a.start.Sub(g.in.Now)) + e.gap)
	}
	return e
}

// weight is how likely the client still exists: certain as long as it has not
// been silent for twice its longest gap, then less and less. Of a client that
// was seen on fewer than three days the gap is not known well enough.
func (e *expectation) weight(at time.Time) float64 {
	const enough = 3
	silence := at.Sub(e.last)
	if e.last.IsZero() || e.entry.Days < enough || e.gap <= 0 || silence <= 2*e.gap {
		return 1
	}
	return math.Exp(-(silence - 2*e.gap).Hours() / e.gap.Hours())
}

// unseen writes the expectation down for a plan.
func (e *expectation) unseen(now time.Time) schemas.UnseenClient {
	u := schemas.UnseenClient{Client: e.name, Owner: e.entry.Owner, Period: period(e.gap), Due: &e.due, Weight: significant(e.weight(now))}
	if !e.last.IsZero() {
		u.Last = &e.last
	}
	if e.attested != nil {
		u.AttestedBy, u.Weight = e.attested.By, 0
	}
	return u
}

// describe says what is known of the client: "month-end (monthly, due 2026-12-01)".
func (e *expectation) describe(now time.Time) string {
	due := "due " + e.due.UTC().Format(time.DateOnly)
	if !e.due.After(now) {
		due = "over" + due
	}
	return fmt.Sprintf("%s (%s, %s)", printable(e.name), period(e.gap), due)
}

// period names how often a client comes.
func period(gap time.Duration) string {
	for _, p := range []struct {
		name     string
		from, to time.Duration
	}{
		{"hourly", 0, 2 * time.Hour},
		{"daily", 20 * time.Hour, 30 * time.Hour},
		{"weekly", 6 * days, 8 * days},
		{"monthly", 27 * days, 33 * days},
		{"quarterly", 85 * days, 95 * days},
	} {
		if gap >= p.from && gap <= p.to {
			return p.name
		}
	}
	return "every " + roughly(gap)
}

// hasCome reports whether a client was seen in the time that counts, however
// it is known.
func (a *app) hasCome(name string) bool {
	verified, claimed := a.clients[clientKey{name, schemas.HowVerified}], a.clients[clientKey{name, schemas.HowClaimed}]
	return (verified != nil && verified.seen()) || (claimed != nil && claimed.seen())
}
