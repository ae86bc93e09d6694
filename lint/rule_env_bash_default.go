package lint

import (
	"strings"

	"lockstep/schemas"
)

// envBashDefault is E502.
func envBashDefault() Rule {
	return Rule{
		ID:    "E502",
		Slug:  "env-bash-default",
		Title: "a default is written as in a shell",
		Doc: "The agent's form of a default is `${NAME:default}`. Of the shell's `${NAME:-default}` it takes the dash for a part of the " +
			"default, so that a host becomes `-host`, and of `${NAME-default}` the whole for a name, which is never set.",
		Levels: alwaysError(),
		Admit:  true,
		Check: func(p *Pass) {
			for _, x := range p.placeholders() {
				if shellForm(x) {
					p.at(x.Span, "", "this is the shell's form of a default, not the agent's", "write ${NAME:default}")
				}
			}
		},
	}
}

// shellForm reports whether a placeholder has an operator of the shell
// between name and default.
func shellForm(x schemas.Placeholder) bool {
	if !x.Braced {
		return false
	}
	if x.HasDefault {
		return isVariable(x.Name) && x.Default != "" && strings.Contains("-=?+", x.Default[:1])
	}
	i := strings.IndexAny(x.Name, "-=?+")
	return i > 0 && isVariable(x.Name[:i])
}
