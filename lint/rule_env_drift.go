package lint

import (
	"fmt"

	"lockstep/schemas"
)

// envDrift is K814.
func envDrift() Rule {
	return Rule{
		ID:    "K814",
		Slug:  "env-drift",
		Title: "an app is in a weaker mode here than in another environment of the tier",
		Doc: "Environments of one tier are taken for equal: a client that passes in one is expected to pass in all, and a secret that leaked is worth most where it is not asked for. " +
			"The mode of an app is the strictest of its keys. " +
			"This is known only of rollout files that are judged in one run, and is reported in the weaker one.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelWarning),
		Admit:  true,
		Check: func(p *Pass) {
			if p.rollout == nil {
				return
			}
			for _, app := range p.rollout.apps() {
				checkDrift(p, strictest(app, p.now))
			}
		},
	}
}

func checkDrift(p *Pass, k rolloutKey) {
	mode := k.modeAt(p.now)
	for _, other := range p.othersOf(p.tier) {
		if there := modeIn(other.Rollout, k.App, p.now); mode.Valid() && mode.Weaker(there) {
			p.atMode(k, fmt.Sprintf("the app %s is at %s here and at %s in %s, which is %s too", k.App, mode, there, other.Path, p.tier),
				"take the next step here, or go back there, with `lockstep migrate`")
			return
		}
	}
}
