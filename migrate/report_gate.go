package migrate

import (
	"slices"
	"time"

	"lockstep/schemas"
)

// This file is all that a report takes from the gate. What the gate cannot
// say yet stays empty, and its chart is not drawn.

// A Coverages is how many clients of an app were seen, day by day, and how many
// there may be.
type Coverages struct {
	Points   []CoveragePoint
	Expected int // known clients in the inventory
}

// A CoveragePoint is the end of a day, or now.
type CoveragePoint struct {
	Date   schemas.Date
	Seen   int     // known clients that have come since the app is observed
	Unseen float64 // Û: clients that nobody has named and that will come within the next weeks
}

// An EvidencePoint is the end of a day that is complete.
type EvidencePoint struct {
	Date  schemas.Date
	E     float64
	Bar   float64 // from here on it is enough
	Epoch int     // 1 + fixes so far
	Clean int     // days since the last failure, as folklore counts
}

// addGate adds what the gate knows of an app that is observed.
func (r *AppReport) addGate(g *gate) {
	a := g.app("key/" + r.App)
	if len(a.observing) == 0 || len(a.enforcing) > 0 {
		return
	}
	r.Limits = &g.limits
	r.Coverage = Coverages{Points: g.coverage(a), Expected: len(a.expected)}
	r.Evidence = g.evidenceCurve(a)
	for _, v := range r.Subjects {
		if v.Risk != nil {
			r.Risk = v.Risk
		}
	}
}

// span is the days since an app is observed, at most the last ones.
func (g *gate) span(a *app) (first, today int64) {
	today = dayOf(g.in.Now)
	return max(dayOf(a.start), today-maxDays+1), today
}

// coverage counts as [gate.outlook] does, with what was known at the end of
// each day.
func (g *gate) coverage(a *app) []CoveragePoint {
	first, today := g.span(a)
	outlooks := make([]outlook, today-first+1)
	for who, c := range a.clients {
		if a.known(who, c) && a.waiver(who.name) == nil {
			countByDay(outlooks, first, a, who, c)
		}
	}
	points := make([]CoveragePoint, len(outlooks))
	for i := range outlooks {
		o, end := &outlooks[i], g.in.Now
		if day := first + int64(i); day < today {
			end = utc((day + 1) * dayMS)
		}
		for name, entry := range a.expected {
			if entry.Cadence == 0 && a.client(name) == nil {
				o.count(entry.Days)
			}
		}
		watched := g.watched(a) - g.in.Now.Sub(end)
		points[i] = CoveragePoint{
			Date: dateOf(first + int64(i)), Seen: o.seen,
			Unseen: significant(unknownClients(o.once, o.twice, watched.Hours()/24, time.Duration(g.limits.MaxPeriod).Hours()/24)),
		}
	}
	return points
}

// countByDay counts a client at the end of each day from first on.
func countByDay(outlooks []outlook, first int64, a *app, who clientKey, c *client) {
	n, came := 0, false
	for _, set := range []hours{c.okHours, c.failHours} {
		for day := range set {
			came = came || day < first
		}
	}
	for day, mask := range c.okHours {
		if day < first && mask != 0 {
			n++
		}
	}
	entry := a.expected[who.name]
	for i := range outlooks {
		day := first + int64(i)
		if c.okHours[day] != 0 {
			n++
		}
		if came = came || c.okHours[day]|c.failHours[day] != 0; came {
			outlooks[i].seen++
		}
		if entry == nil || entry.Cadence == 0 {
			outlooks[i].count(withHistory(n, entry, a.since))
		}
	}
}

// evidenceCurve asks the gate for the e-value at the end of each day.
func (g *gate) evidenceCurve(a *app) []EvidencePoint {
	first, today := g.span(a)
	clients := a.trialClients()
	var points []EvidencePoint
	clean := 0
	for day := first; day < today; day++ {
		in, then := *g.in, *g
		in.Now, then.in = utc((day+1)*dayMS), &in
		clean++
		if slices.ContainsFunc(clients, func(c *client) bool { return c.failHours[day] != 0 }) {
			clean = 0
		}
		e := then.eValue(a)
		points = append(points, EvidencePoint{Date: dateOf(day), E: e.Value, Bar: e.Bar, Epoch: e.Epoch, Clean: clean})
	}
	return points
}
