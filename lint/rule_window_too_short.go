package lint

import (
	"cmp"
	"fmt"
	"time"

	"lockstep/schemas"
)

// windowTooShort is K806.
func windowTooShort() Rule {
	return Rule{
		ID:    "K806",
		Slug:  "window-too-short",
		Title: "an app was enforced after it had been observed for less time than a gate demands",
		Doc: "Who comes once a week is not seen in three days, and is refused at the first request after. " +
			"The journal beside the rollout file says for how long a key had been observed when a plan was applied that enforced it. " +
			"That is held against `min_window` of the tier's gate in the policy, which is a week where nothing is said; " +
			"a plan that was made by another policy may have asked for less.",
		Levels: errorInProduction(schemas.LevelOff, schemas.LevelWarning),
		Admit:  true,
		Check: func(p *Pass) {
			limit := time.Duration(cmp.Or(p.policy, &schemas.Policy{}).Gate(p.tier).MinWindow)
			for k, began := range p.enforced {
				if began.action == schemas.ActionApply && began.observed < limit {
					p.atMode(k, fmt.Sprintf("the app %s was enforced by entry %d of the journal after %s of observing, and the gate demands %s",
						k.App, began.seq, schemas.Duration(began.observed.Truncate(time.Minute)), schemas.Duration(limit)),
						"set it to observe until the time is up, or name the policy that holds here with --policy")
				}
			}
		},
	}
}
