package lint

import (
	"fmt"
	"slices"

	"lockstep/schemas"
)

// illegalTransition is K801.
func illegalTransition() Rule {
	return Rule{
		ID:    "K801",
		Slug:  "illegal-transition",
		Title: "a key or upstream was edited by hand to enforce without having been observed",
		Doc: "What enforces at once refuses the clients that nobody knew about. The order is disabled, observe, enforce; any step back is free, " +
			"and a key added beside one that enforces may enforce too, as it only lets more pass. " +
			"What follows a brownout, `then`, has to be weaker than its mode for the same reason; `lockstep run` goes on as if it were not there. " +
			"The rollout file is compared with the journal beside it, at the entry that the file names. " +
			"Where there is no journal that can be read, or it is of another file, nothing can be told and nothing is said.",
		Levels: alwaysError(),
		Locked: true,
		Admit:  true,
		Check: func(p *Pass) {
			for _, k := range p.rolloutSubjects() {
				checkBrownout(p, k)
			}
			if p.rollout == nil || p.rollout.last == nil {
				return
			}
			for _, app := range p.rollout.apps() {
				checkTransitions(p, app, p.rollout.last)
			}
			for _, k := range p.rollout.upstreams {
				checkTransitions(p, []rolloutKey{k}, p.rollout.last)
			}
		},
	}
}

// checkBrownout makes sure that what follows a brownout is no step forward.
func checkBrownout(p *Pass, k rolloutKey) {
	if k.mode.Valid() && k.then.Valid() && !k.then.Weaker(k.mode) {
		p.atValue(k.at+"/then", fmt.Sprintf("after `until` this %s is to be at %s, which is not weaker than %s", k.kind(), k.then, k.mode),
			"write a weaker mode, or take `until` and `then` out")
	}
}

func checkTransitions(p *Pass, app []rolloutKey, last *rolloutPast) {
	enforced := func(k rolloutKey) bool { return last.modes[k.Fold()] == schemas.ModeEnforce }
	widens := slices.ContainsFunc(app, func(k rolloutKey) bool { return k.mode == schemas.ModeEnforce && enforced(k) })
	for _, k := range app {
		before, known := last.modes[k.Fold()]
		if k.mode != schemas.ModeEnforce || widens || before == schemas.ModeObserve {
			continue
		}
		was := "was not there"
		if known {
			was = "was " + string(before)
		}
		p.atValue(k.at+"/mode", fmt.Sprintf("this %s enforces without having been observed: at entry %d of the journal it %s", k.kind(), last.seq, was),
			"set it to observe, and take the next step with `lockstep migrate plan` and `apply`")
	}
}
