package lint

import (
	"fmt"

	"lockstep/schemas"
)

// mixedSkipVerify is T221.
func mixedSkipVerify() Rule {
	return Rule{
		ID:    "T221",
		Slug:  "mixed-skip-verify",
		Title: "one listener verifies an upstream, another one does not",
		Doc: "Two listeners of a file forward to the same host and port, and only one of them verifies its certificate. " +
			"So it can be verified, and the other one was forgotten.",
		Levels: schemas.Levels{
			schemas.TierDevelopment: schemas.LevelOff,
			schemas.TierStaging:     schemas.LevelWarning,
			schemas.TierProduction:  schemas.LevelError,
		},
		Admit: true,
		Check: checkMixedSkipVerify,
	}
}

func checkMixedSkipVerify(p *Pass) {
	verified := map[string]string{}
	for at, u := range p.upstreams() {
		if u.scheme == "https" && !u.TLS.InsecureSkipVerify {
			verified[u.address] = at
		}
	}
	for at, u := range p.upstreams() {
		other := verified[u.address]
		if u.scheme == "https" && u.TLS.InsecureSkipVerify && other != "" {
			_, span := p.checked.Place(other)
			p.atValue(at+"/tls/insecure_skip_verify", fmt.Sprintf("the listener on line %d verifies the same upstream", span.Start.Line),
				"use its tls here too")
		}
	}
}
