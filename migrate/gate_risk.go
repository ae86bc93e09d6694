package migrate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// riskFindings hold the gate while enforcing is expected to refuse too many,
// unless all has been clean for very long. Before the window is over there is
// no risk to speak of: nearly all clients have been seen on one day only.
func (g *gate) riskFindings(a *app, v *schemas.SubjectVerdict) []finding {
	g.listUnseen(a, v)
	o, longClean := g.outlook(a), g.longCleanAt(a)
	early := len(g.windowFindings(a.start)) > 0
	risk := o.risk(g.in.Now)
	if o.seen > 0 && !early {
		v.Risk = &schemas.Risk{
			Total: significant(risk.Total), Limit: g.limits.Tau, Unseen: significant(risk.Unseen),
			Repaired: significant(risk.Repaired), Unknown: significant(risk.Unknown),
		}
	}
	risky := func(at time.Time) bool { return !early && o.risk(at).Total > g.limits.Tau }
	held := func(at time.Time) bool { return risky(at) || g.limits.HoldUnseen && o.holds(at) }
	if !held(g.in.Now) {
		return nil
	}
	if a.outweighed = !longClean.IsZero() && !g.in.Now.Before(longClean); a.outweighed {
		return nil
	}
	ready := o.firstWithout(held, longClean)
	var findings []finding
	if missing := o.descriptions(); len(missing) > 0 {
		findings = append(findings, wait(ready, "%s not come since %s: %s",
			plural(len(missing), "expected client has", "expected clients have"), minute(a.since), some(missing)))
	}
	if risky(g.in.Now) {
		findings = append(findings, wait(ready, "the risk is %.2g, more than %g: %s", risk.Total, g.limits.Tau, riskParts(risk)))
	}
	return findings
}

// listUnseen writes down who is expected and has not come.
func (g *gate) listUnseen(a *app, v *schemas.SubjectVerdict) {
	for _, e := range g.expectations(a) {
		v.Unseen = append(v.Unseen, e.unseen(g.in.Now))
		if e.attested != nil {
			a.rely(e.attested)
		}
	}
}

// descriptions are of the clients that have not come and are not thought to
// be gone. Those that are due last come first: they decide.
func (o *outlook) descriptions() []string {
	last := slices.DeleteFunc(slices.Clone(o.unseen), func(e expectation) bool { return e.weight(o.now) < gone })
	slices.SortStableFunc(last, func(a, b expectation) int { return b.due.Compare(a.due) })
	texts := make([]string, len(last))
	for i := range last {
		texts[i] = last[i].describe(o.now)
	}
	return texts
}

// riskParts names what the risk is made of.
func riskParts(r schemas.Risk) string {
	var parts []string
	for _, part := range []struct {
		risk float64
		of   string
	}{{r.Unseen, "clients that have not come"}, {r.Repaired, "repaired clients"}, {r.Unknown, "clients that nobody has seen or named"}} {
		if part.risk > 0 {
			parts = append(parts, fmt.Sprintf("%.2g for %s", part.risk, part.of))
		}
	}
	return strings.Join(parts, ", ")
}

// longCleanAt is when the app has been clean for so long that this outweighs
// the risk: without a verified failure, and without a gap in the evidence,
// which might hide one. It is zero if the policy knows no such time.
func (g *gate) longCleanAt(a *app) time.Time {
	if g.limits.OrCleanFor == 0 {
		return time.Time{}
	}
	clean := later(a.start, utc(a.lastVerified))
	for _, n := range g.nodes {
		for _, gap := range g.gaps[n.Name] {
			clean = later(clean, gap.To)
		}
	}
	for _, w := range g.in.Evidence.Unknown {
		clean = later(clean, w.To)
	}
	return clean.Add(time.Duration(g.limits.OrCleanFor))
}

// firstWithout is the first moment at which the gate is not held any more if
// all that is due comes and nothing fails. It looks at the moments at which
// clients are due and at one each day, for three months. It is end, which may
// be zero, if there is none before.
func (o *outlook) firstWithout(held func(time.Time) bool, end time.Time) time.Time {
	const lookAhead = 90 * days
	horizon := o.now.Add(lookAhead)
	if !end.IsZero() && end.Before(horizon) {
		horizon = end
	}
	var moments []time.Time
	for at := o.now.Add(days); at.Before(horizon); at = at.Add(days) {
		moments = append(moments, at)
	}
	for _, e := range o.unseen {
		if e.due.After(o.now) && e.due.Before(horizon) {
			moments = append(moments, e.due)
		}
	}
	slices.SortFunc(moments, time.Time.Compare)
	for _, at := range moments {
		if !held(at) {
			return at.UTC().Truncate(time.Second)
		}
	}
	return end
}
