package lint

import (
	"fmt"

	"lockstep/schemas"
)

// publicBundle is the size from which on a bundle is taken for one of public
// authorities: Mozilla's has more than 140, and hardly anybody runs 50.
const publicBundle = 50

// bundleTooBroad is T215.
func bundleTooBroad() Rule {
	return Rule{
		ID:    "T215",
		Slug:  "bundle-too-broad",
		Title: "a private upstream is trusted on the word of many authorities",
		Doc: "No public authority issues certificates for private names and addresses, so one of the authorities in the file would do. " +
			"With all of them, each can vouch for whoever answers in place of the upstream.",
		Levels: schemas.Levels{
			schemas.TierDevelopment: schemas.LevelOff,
			schemas.TierStaging:     schemas.LevelInfo,
			schemas.TierProduction:  schemas.LevelWarning,
		},
		Admit: true,
		Check: func(p *Pass) {
			for to := range p.anchors() {
				if n := len(to.roots.Certificates); n >= publicBundle && privateHost(to.host) {
					p.atValue(to.at+"/root_cas", fmt.Sprintf("root_cas holds %d authorities for one private host", n),
						"name a file with only the authority of this host")
				}
			}
		},
	}
}
