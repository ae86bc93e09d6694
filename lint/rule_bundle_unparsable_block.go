package lint

import (
	"fmt"

	"lockstep/schemas"
)

// bundleUnparsableBlock is T209.
func bundleUnparsableBlock() Rule {
	return Rule{
		ID:    "T209",
		Slug:  "bundle-unparsable-block",
		Title: "a part of a CA file is passed over without a word",
		Doc: "The agent takes a CA file if one certificate in it is good, and drops what it cannot read: a certificate that was cut off " +
			"when it was pasted, or of another format. Connections to servers below that authority fail, and nothing says why. " +
			"A file with no good certificate at all it refuses (P001).",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelWarning),
		Admit:  true,
		Check: func(p *Pass) {
			for to := range p.anchors() {
				if broken := to.roots.Broken; len(broken) > 0 {
					p.atValue(to.at+"/root_cas", fmt.Sprintf("%s in root_cas cannot be read, the first on line %d: %v",
						count(len(broken), "block"), broken[0].Line, broken[0].Err), "repair or delete it")
				}
			}
		},
	}
}
