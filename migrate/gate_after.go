package migrate

import (
	"fmt"
	"slices"
	"time"

	"lockstep/schemas"
)

// checkEarlier makes sure that the rollouts that have to be ahead can be.
func (in *Input) checkEarlier(tier schemas.Tier) error {
	for _, earlier := range in.Earlier {
		name := printable(earlier.Environment)
		switch {
		case earlier.Environment == in.Rollout.Environment:
			return schemas.Hint(fmt.Errorf("%s cannot be ahead of itself", name), "name the rollout of another environment after --after")
		case slices.Index(schemas.Tiers(), earlier.Tier) > slices.Index(schemas.Tiers(), tier):
			return schemas.Hint(fmt.Errorf("%s is %s and comes after %s, not before it", name, earlier.Tier, tier),
				"swap the rollouts of --after and --rollout")
		}
	}
	return nil
}

// aheadFindings hold an app until it is enforced wherever that has to come
// first. Keys differ between environments, so apps are compared. An app that
// is not rolled out there has nothing to wait for.
func (g *gate) aheadFindings(subject string) []finding {
	var findings []finding
	app, id := appOf(subject)
	for _, earlier := range g.in.Earlier {
		listed, enforced := false, false
		for name, subject := range earlier.Subjects {
			if _, other := appOf(name); other == id {
				listed = true
				enforced = enforced || subject.Mode == schemas.ModeEnforce
			}
		}
		if listed && !enforced {
			findings = append(findings, wait(time.Time{}, "%s is not enforced in %s yet", appText(app), printable(earlier.Environment)))
		}
	}
	return findings
}
