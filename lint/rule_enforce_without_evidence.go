package lint

import (
	"fmt"

	"lockstep/schemas"
)

// enforceWithoutEvidence is K804.
func enforceWithoutEvidence() Rule {
	return Rule{
		ID:    "K804",
		Slug:  "enforce-without-evidence",
		Title: "an app came to be enforced by a hand edit, and not by a plan",
		Doc: "A plan holds that the clients were observed for long enough, which of them would be refused, and who accepts that. " +
			"A hand edit holds nothing, even where the key was observed before. " +
			"The journal beside the rollout file tells the two apart, up to the entry that the file names; where it cannot be read nothing is said. " +
			"What counts is the entry with which the app came to be enforced: a key beside one that enforces only lets more pass. " +
			"For an app that was enforced before there was a journal, a policy may set the level to info.",
		Levels: errorInProduction(schemas.LevelInfo, schemas.LevelWarning),
		Locked: true,
		Admit:  true,
		Check: func(p *Pass) {
			const hint = "set it to observe, and take the step with `lockstep migrate plan` and `apply`"
			for k, began := range p.enforced {
				switch {
				case began.action == schemas.ActionAdopted:
					p.atMode(k, fmt.Sprintf("the app %s is enforced without evidence: entry %d of the journal found it set by hand", k.App, began.seq), hint)
				case began.seq == 0 && p.rollout.last.modes[k.Fold()] == schemas.ModeObserve: // else it is K801
					p.atMode(k, fmt.Sprintf("the app %s is enforced without evidence: it was set by hand after entry %d of the journal", k.App, p.rollout.last.seq), hint)
				}
			}
		},
	}
}
