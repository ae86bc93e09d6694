package lint

import (
	"fmt"
	"time"

	"lockstep/schemas"
)

// longestObserve is how long a key may be observed before that is worth a
// word: the 45 days after which a gate may take time alone for evidence, and
// two weeks to act on it.
const longestObserve = 60 * 24 * time.Hour

// stuckStage is K812.
func stuckStage() Rule {
	return Rule{
		ID:    "K812",
		Slug:  "stuck-stage",
		Title: "a key or upstream has been observed for so long that nobody seems to take the next step",
		Doc: "Observing refuses nobody: whoever signs wrong or not at all is served as before. " +
			"After 60 days all but the rarest clients have come, and what still keeps the key from being enforced does not go away by waiting. " +
			"A brownout that is over counts from its `until`.",
		Levels: warningFromStaging(),
		Admit:  true,
		Check: func(p *Pass) {
			if p.now.IsZero() {
				return
			}
			for _, k := range p.rolloutSubjects() {
				checkStuck(p, k)
			}
		},
	}
}

func checkStuck(p *Pass, k rolloutKey) {
	field, since := "/since", k.since
	if k.modeAt(p.now) != k.mode {
		field, since = "/until", k.until
	}
	if k.modeAt(p.now) != schemas.ModeObserve || since.IsZero() || p.now.Sub(since) <= longestObserve {
		return
	}
	p.atValue(k.at+field, fmt.Sprintf("this %s has been observed since %s, for more than 60 days", k.kind(), since.UTC().Format(time.DateOnly)),
		"see what it waits for with `lockstep migrate status`, then enforce it, or disable it")
}
