package migrate

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep/schemas"
)

// The kinds of batches, which begin their names, in the order of a plan.
const (
	batchObserve = "observe" // changes no answer
	batchEnforce = "enforce"
	batchRetire  = "retire" // takes an enforcing key away beside others
)

// caution is added to the risk of each app, as none is without any. Sorting by
// risk alone was no better than chance in simulated fleets.
const caution = 0.02

// A unit is all steps of an app that go in one batch: its keys are judged
// together, and have the same clients.
type unit struct {
	app     string
	steps   []schemas.Step
	verdict *schemas.SubjectVerdict // of one of them
	harm    float64
}

// batches groups the steps that may be taken. Those of the smallest expected
// harm come first, so that what nobody foresaw is met where it costs least.
func (g *gate) batches(verdicts []schemas.SubjectVerdict) []schemas.Batch {
	all := g.pack(batchObserve, units(batchObserve, verdicts), "")
	after := g.baking(time.Duration(g.in.Policy.Batching(g.in.Rollout.Tier).Bake))
	for _, kind := range []string{batchEnforce, batchRetire} {
		if packed := g.pack(kind, units(kind, verdicts), after); len(packed) > 0 {
			all, after = append(all, packed...), packed[len(packed)-1].ID
		}
	}
	return all
}

// kindOf is the kind of batch that a step belongs into.
func kindOf(from, to schemas.Mode) string {
	switch {
	case to.Weaker(from):
		return batchRetire
	case to == schemas.ModeEnforce:
		return batchEnforce
	default:
		return batchObserve
	}
}

// units collects the steps of a kind by app, smallest expected harm first.
func units(kind string, verdicts []schemas.SubjectVerdict) []*unit {
	var all []*unit
	byApp := map[string]*unit{}
	for i := range verdicts {
		v := &verdicts[i]
		if v.Verdict != schemas.VerdictPromote || kindOf(v.From, v.To) != kind {
			continue
		}
		_, id := appOf(v.Subject)
		if byApp[id] == nil {
			byApp[id] = &unit{app: id, verdict: v, harm: expectedHarm(v)}
			all = append(all, byApp[id])
		}
		byApp[id].steps = append(byApp[id].steps, schemas.Step{Subject: v.Subject, From: v.From, To: v.To})
	}
	slices.SortFunc(all, func(a, b *unit) int { return cmp.Or(cmp.Compare(a.harm, b.harm), cmp.Compare(a.app, b.app)) })
	return all
}

// expectedHarm is (risk + 0.02) × clients, zero for a step that refuses nobody.
func expectedHarm(v *schemas.SubjectVerdict) float64 {
	risk := caution
	if v.Risk != nil {
		risk += v.Risk.Total
	}
	return significant(risk * float64(passing(v)))
}

// pack fills batches in order, each within the budget and the number of apps
// that the policy allows. An app that exceeds the budget alone has a batch of
// its own, as it cannot be split.
func (g *gate) pack(kind string, units []*unit, after string) []schemas.Batch {
	limits, number := g.in.Policy.Batching(g.in.Rollout.Tier), lastBatch(kind, g.in.Rollout)
	var all []schemas.Batch
	for len(units) > 0 {
		n, harm := fit(units, limits)
		number++
		batch := schemas.Batch{ID: fmt.Sprintf("%s-%d", kind, number)}
		if kind != batchObserve {
			batch.After, batch.Harm, batch.Budget = after, harm, limits.Budget
			batch.Impact, batch.Factors = sumImpact(units[:n]), sharedFactors(units[:n])
		}
		if batch.After != "" {
			batch.Bake = limits.Bake
		}
		for _, u := range units[:n] {
			batch.Steps = append(batch.Steps, u.steps...)
		}
		slices.SortFunc(batch.Steps, func(a, b schemas.Step) int { return cmp.Compare(a.Subject, b.Subject) })
		all, units, after = append(all, batch), units[n:], batch.ID
	}
	return all
}

// fit counts the units at the beginning that go into one batch, at least one.
func fit(units []*unit, limits schemas.BatchLimits) (n int, harm float64) {
	for n < len(units) && n < limits.MaxApps {
		sum := significant(harm + units[n].harm)
		if n > 0 && sum > limits.Budget {
			break
		}
		n, harm = n+1, sum
	}
	return n, harm
}

// lastBatch is the highest number among the batches of a kind that brought the
// subjects to where they are. To number on from there keeps a rollback of one
// from ever meaning another.
func lastBatch(kind string, rollout *schemas.Rollout) int {
	highest := 0
	for _, s := range rollout.Subjects {
		if number, ok := strings.CutPrefix(s.Batch, kind+"-"); ok {
			n, err := strconv.Atoi(number)
			if err == nil {
				highest = max(highest, n)
			}
		}
	}
	return highest
}

// baking is the batch that was applied last and may still show that it breaks
// something; empty if there is none.
func (g *gate) baking(bake time.Duration) string {
	var latest string
	var since time.Time
	for _, name := range g.in.Rollout.Names() {
		s := g.in.Rollout.Subjects[name]
		if s.Mode != schemas.ModeEnforce && !isRetired(s) || s.Batch == "" {
			continue
		}
		if g.in.Now.Sub(s.Since) < bake && s.Since.After(since) {
			latest, since = s.Batch, s.Since
		}
	}
	return latest
}
