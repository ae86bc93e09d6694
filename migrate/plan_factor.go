package migrate

import (
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// factors lists what the clients of an app share with those of others: owners
// and whatever else the inventory names. What broke one may break the next.
func (a *app) factors() []string {
	var all []string
	for _, c := range a.expected {
		if c.Owner != "" {
			all = append(all, "owner="+c.Owner)
		}
		all = append(all, c.Factors...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// sharedFactors lists the factors of all units.
func sharedFactors(units []*unit) []string {
	var all []string
	for _, u := range units {
		all = append(all, u.verdict.Factors...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// freeze holds the apps that share a factor with one that was rolled back,
// until that one is ready again itself. Of an app that was rolled back the
// rollout file still names the batch that had enforced it.
func (g *gate) freeze(verdicts []schemas.SubjectVerdict) {
	failed := map[string]string{} // subjects, by factor
	for i := range verdicts {
		v := &verdicts[i]
		if v.Verdict == schemas.VerdictPromote || !strings.HasPrefix(g.in.Rollout.Subjects[v.Subject].Batch, batchEnforce+"-") {
			continue
		}
		for _, factor := range v.Factors {
			if failed[factor] == "" {
				failed[factor] = v.Subject
			}
		}
	}
	for i := range verdicts {
		v := &verdicts[i]
		shared := slices.IndexFunc(v.Factors, func(factor string) bool { return failed[factor] != "" })
		if v.Verdict == schemas.VerdictPromote && shared >= 0 {
			factor := v.Factors[shared]
			conclude(v, []finding{wait(time.Time{}, "%s was rolled back and is not ready again, and it shares %s", failed[factor], printable(factor))}, "")
		}
	}
}
