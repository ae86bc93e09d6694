package migrate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// riskFindings hold the gate while enforcing is expected to refuse too many,
// unless all has been clean for very long.
func (g *gate) riskFindings(a *app, v *schemas.SubjectVerdict) []finding {
	missing := g.expectations(a)
	for i := range missing {
		v.Unseen = append(v.Unseen, missing[i].unseen(g.in.Now))
		if missing[i].attested != nil {
			a.rely(missing[i].attested)
		}
	}
	o := g.outlook(a)
	risk := o.risk(g.in.Now)
	if o.seen > 0 { // of nobody there is nothing to reckon
		v.Risk = &schemas.Risk{
			Total: significant(risk.Total), Limit: g.limits.Tau, Unseen: significant(risk.Unseen),
			Repaired: significant(risk.Repaired), Unknown: significant(risk.Unknown),
		}
	}
	held, risky := g.limits.HoldUnseen && o.holds(g.in.Now), risk.Total > g.limits.Tau
	longClean := g.longCleanAt(a)
	if (!held && !risky) || (!longClean.IsZero() && !g.in.Now.Before(longClean)) {
		return nil
	}
	ready := g.tolerableAt(o, longClean)
	var findings []finding
	if len(o.unseen) > 0 {
		findings = append(findings, wait(ready, "%s not come since %s: %s",
			plural(len(o.unseen), "expected client has", "expected clients have"), minute(a.since), some(descriptions(o))))
	}
	if risky {
		findings = append(findings, wait(ready, "the risk is %.2g, more than %g: %s", risk.Total, g.limits.Tau, riskParts(risk)))
	}
	return findings
}

// descriptions puts those first that are due last: they decide.
func descriptions(o *outlook) []string {
	last := slices.Clone(o.unseen)
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
	for _, gap := range g.in.Evidence.Gaps {
		if slices.ContainsFunc(g.nodes, func(n Node) bool { return n.Name == gap.Node }) {
			clean = later(clean, gap.To)
		}
	}
	return clean.Add(time.Duration(g.limits.OrCleanFor))
}

// tolerableAt is the first moment at which the gate would not be held any
// more if all that is due comes and nothing fails. It looks at the days on
// which clients are due and at one moment each day. It is zero if nobody can tell.
func (g *gate) tolerableAt(o *outlook, longClean time.Time) time.Time {
	const lookAhead = 90 * days
	horizon := longClean
	if horizon.IsZero() {
		horizon = o.now.Add(lookAhead)
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
		if o.risk(at).Total <= g.limits.Tau && !(g.limits.HoldUnseen && o.holds(at)) {
			return at.UTC().Truncate(time.Second)
		}
	}
	return longClean
}
