package lint

import (
	"time"

	"lockstep/schemas"
)

// timeoutExtreme is H402.
func timeoutExtreme() Rule {
	return Rule{
		ID:    "H402",
		Slug:  "timeout-extreme",
		Title: "a timeout is hardly meant as it is written",
		Doc: "Below 100ms a listener answers 504 for upstreams that are merely slow, and the agent hardly reaches a Piko server elsewhere. " +
			"Above 5m a dead upstream holds its requests for that long. Mostly the unit is wrong.",
		Levels: schemas.Levels{
			schemas.TierDevelopment: schemas.LevelInfo,
			schemas.TierStaging:     schemas.LevelWarning,
			schemas.TierProduction:  schemas.LevelWarning,
		},
		Admit: true,
		Check: func(p *Pass) {
			for at, l := range p.listeners() {
				checkExtreme(p, at, l.Timeout)
			}
			if p.agent != nil {
				checkExtreme(p, "/connect", p.agent.Connect.Timeout)
			}
		},
	}
}

// checkExtreme leaves what is not positive to other rules.
func checkExtreme(p *Pass, at string, timeout time.Duration) {
	switch {
	case timeout > 0 && timeout < 100*time.Millisecond:
		p.atValue(at+"/timeout", "the timeout is shorter than 100ms", "check the unit: ms, s or m")
	case timeout > 5*time.Minute:
		p.atValue(at+"/timeout", "the timeout is longer than 5m", "check the unit: ms, s or m")
	}
}
