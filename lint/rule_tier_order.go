package lint

import (
	"fmt"

	"lockstep/schemas"
)

// tierOrder is K810.
func tierOrder() Rule {
	return Rule{
		ID:    "K810",
		Slug:  "tier-order",
		Title: "an app is enforced here before it is in the tier before this one",
		Doc: "A step is tried where a refusal costs least: in development, then in staging, then in production. " +
			"What is enforced here while the tier before only observes it was tried nowhere. " +
			"This is known only of rollout files that are judged in one run, and only of apps that both list.",
		Levels: errorInProduction(schemas.LevelOff, schemas.LevelWarning),
		Admit:  true,
		Check: func(p *Pass) {
			before, ok := tierBefore(p.tier)
			if p.rollout == nil || !ok {
				return
			}
			for _, app := range p.rollout.apps() {
				checkOrder(p, strictest(app, p.now), before)
			}
		},
	}
}

// tierBefore is where a step is tried first.
func tierBefore(tier schemas.Tier) (before schemas.Tier, ok bool) {
	switch tier {
	case schemas.TierProduction:
		return schemas.TierStaging, true
	case schemas.TierStaging:
		return schemas.TierDevelopment, true
	case schemas.TierDevelopment:
	}
	return "", false
}

func checkOrder(p *Pass, k rolloutKey, before schemas.Tier) {
	if k.modeAt(p.now) != schemas.ModeEnforce {
		return
	}
	for _, other := range p.othersOf(before) {
		if there := modeIn(other.Rollout, k.App, p.now); there.Valid() && there != schemas.ModeEnforce {
			p.atMode(k, fmt.Sprintf("the app %s is enforced here, and only at %s in %s, which is %s", k.App, there, other.Path, before),
				"enforce it there first; `lockstep migrate plan --after` keeps to the order")
			return
		}
	}
}
