package lint

import (
	"fmt"

	"lockstep/schemas"
)

// How many keys of an app are worth a word, and how many Apollo keeps in one
// environment (its AccessKeyService refuses the next one).
const (
	manyKeys = 4
	mostKeys = 5
)

// keyLimit is K807.
func keyLimit() Rule {
	return Rule{
		ID:    "K807",
		Slug:  "key-limit",
		Title: "an app has more keys than Apollo keeps, or soon will",
		Doc: "Apollo keeps at most 5 keys of an app in one environment, disabled ones included, and refuses a sixth. " +
			"From 4 on the next rotation may find no room: that is a warning in every tier.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelWarning),
		Admit:  true,
		Check: func(p *Pass) {
			if p.rollout == nil {
				return
			}
			for _, app := range p.rollout.apps() {
				checkKeyLimit(p, app)
			}
		},
	}
}

// checkKeyLimit reports at the last key, which is the one too many.
func checkKeyLimit(p *Pass, app []rolloutKey) {
	last := app[len(app)-1]
	message := fmt.Sprintf("the app %s has %d keys, and Apollo keeps no more than %d", last.App, len(app), mostKeys)
	switch {
	case len(app) > mostKeys:
		p.atKey(last.at, message, "remove those that are disabled and no longer needed")
	case len(app) >= manyKeys:
		p.atKey(last.at, message, "remove those that are disabled before the next rotation")
		p.atMost(schemas.LevelWarning)
	}
}
