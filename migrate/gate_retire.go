package migrate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// A key is retired in two steps. The first, from enforce to observe, is judged
// as enforcing is: by whom it would refuse. Beside a key that is enforced, one
// that observes counts for nothing, so the second, to disabled, only tidies up.

// isRetired reports whether a retirement brought a subject to where it is.
func isRetired(s schemas.RolloutSubject) bool {
	return s.Mode != schemas.ModeEnforce && strings.HasPrefix(s.Batch, batchRetire+"-")
}

// checkRetire makes sure that what is to be retired can be: an enforcing key
// beside another one, or one that was retired before.
func (in *Input) checkRetire() error {
	for _, name := range in.Retire {
		state, listed := in.Rollout.Subjects[name]
		_, id := appOf(name)
		others, twice := 0, 0
		for other, s := range in.Rollout.Subjects {
			if _, otherID := appOf(other); otherID != id || other == name {
				continue
			}
			if s.Mode == schemas.ModeEnforce && !s.Partial() && !slices.Contains(in.Retire, other) {
				others++
			}
			if slices.Contains(in.Retire, other) {
				twice++
			}
		}
		switch {
		case !listed:
			return schemas.Hint(fmt.Errorf("%s cannot be retired: the rollout does not list it", printable(name)), "the subjects are "+some(in.Rollout.Names()))
		case twice > 0:
			return schemas.Hint(fmt.Errorf("%s and another key of its app cannot be retired together", name), "retire one key of an app at a time")
		case others == 0:
			return schemas.Hint(fmt.Errorf("%s cannot be retired: no other key of its app is enforced", name),
				"enforce the new key first; `lockstep migrate rollback` takes an app back")
		case state.Mode != schemas.ModeEnforce && !isRetired(state):
			return schemas.Hint(fmt.Errorf("%s cannot be retired: it is not enforced", name), "set it to disabled by hand: beside an enforced key that changes no answer")
		}
	}
	return nil
}

// addRetiring sets up the judgement of the apps that lose a key: what still
// passes by it is what would be refused.
func (g *gate) addRetiring() {
	for _, name := range g.in.Retire {
		state := g.in.Rollout.Subjects[name]
		if state.Mode != schemas.ModeEnforce {
			continue
		}
		_, id := appOf(name)
		whole := *g.app(name)
		a := &whole
		a.retire, a.clients, a.days = name, map[clientKey]*client{}, map[int64]bool{}
		a.observing, a.since = nil, time.Time{}
		for _, other := range whole.enforcing {
			if other != name {
				a.observing = append(a.observing, other)
				a.since = later(a.since, g.loadedSince(other, g.in.Rollout.Subjects[other]))
			}
		}
		a.start = later(a.since, g.firstHeartbeat())
		g.leave[id] = a
	}
}

// remains reports whether a request that passed under a subject would pass
// without the key that is to be retired.
func (a *app) remains(subject string) bool {
	folded := foldSubject(subject)
	return slices.ContainsFunc(a.observing, func(other string) bool { return foldSubject(other) == folded })
}

// judgeRetire judges both steps of a retirement.
func (g *gate) judgeRetire(v *schemas.SubjectVerdict) {
	if v.To == schemas.ModeObserve {
		_, id := appOf(v.Subject)
		g.judgeNarrowing(g.leave[id], v, "%s by other keys, and none still needs this one")
		return
	}
	retired := g.in.Rollout.Subjects[v.Subject].Since
	var findings []finding
	if ready := retired.Add(time.Duration(g.limits.MinWindow)); g.in.Now.Before(ready) {
		findings = append(findings, wait(ready, "retired for %s of %s", roughly(g.in.Now.Sub(retired)), g.limits.MinWindow))
	}
	conclude(v, findings, "it was retired, and nobody has wanted it back")
}
