package lint

import (
	"strings"

	"lockstep/schemas"
)

// envMalformed is E505.
func envMalformed() Rule {
	return Rule{
		ID:    "E505",
		Slug:  "env-malformed",
		Title: "a variable in a comment or within another one, or one that is not closed",
		Doc: "The default of a variable runs to the first closing brace and is taken as it is: `${A:${B}}` without A becomes `${B}`, " +
			"in letters, and whatever A is, a brace is left behind it. Of `${` without a closing brace the agent drops these two characters and keeps the rest. " +
			"Comments are no exception: what a variable brings into one behind a line break is read.",
		Levels: sameLevel(schemas.LevelWarning),
		Admit:  true,
		Check: func(p *Pass) {
			for _, x := range p.placeholdersWhere(true) {
				if x.Set {
					p.at(x.Span, "", "a variable is put in this comment too, and a line break in it would end the comment", "write its name without $")
				}
			}
			for _, x := range p.placeholders() {
				switch {
				case x.Unclosed:
					p.at(x.Span, "", "the agent drops `${`, as no brace closes it", "close it with }")
				case strings.Contains(x.Default, "${"):
					p.at(x.Span, "", "a default cannot hold a variable: it ends at the first brace", "write the default out")
				}
			}
		},
	}
}
