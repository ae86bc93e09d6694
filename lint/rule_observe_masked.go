package lint

import (
	"fmt"
	"slices"

	"lockstep/schemas"
)

// observeMasked is K803.
func observeMasked() Rule {
	return Rule{
		ID:    "K803",
		Slug:  "observe-masked",
		Title: "a key is observed beside one that enforces, and Apollo does not look at it",
		Doc: "Apollo asks the keys that observe only where an app has none that enforces. " +
			"Beside one that does, an observed key yields no evidence, and those who sign with it are refused: a rotation overlaps in enforce, which only lets more pass. " +
			"This is known only where the policy names an Apollo for the environment.",
		Levels: alwaysError(),
		Admit:  true,
		Check: func(p *Pass) {
			if p.rollout == nil || p.policy == nil || p.policy.Environments[p.rollout.environment].Apollo == nil {
				return
			}
			for _, app := range p.rollout.apps() {
				checkMasked(p, app)
			}
		},
	}
}

func checkMasked(p *Pass, app []rolloutKey) {
	i := slices.IndexFunc(app, func(k rolloutKey) bool { return k.mode == schemas.ModeEnforce })
	if i < 0 {
		return
	}
	for _, k := range app {
		if k.mode == schemas.ModeObserve {
			_, mode := p.checked.Place(k.at + "/mode")
			p.at(mode, k.at+"/mode", fmt.Sprintf("Apollo does not look at this key, as the one on line %d enforces", app[i].place.Start.Line),
				"set it to enforce, which only lets more pass, or to disabled", Related{Span: app[i].place, Message: "the key that enforces"})
		}
	}
}
