package lint

import (
	"regexp"

	"lockstep/schemas"
)

// envUnset is E501.
func envUnset() Rule {
	return Rule{
		ID:    "E501",
		Slug:  "env-unset",
		Title: "a variable of the config is not set",
		Doc: "With --config.expand-env the agent puts nothing in the place of a variable that is not set, and says nothing. " +
			"An empty token or path is then used as it is; where nothing may stand, `${NAME:}` says so.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelError),
		Admit:  true,
		Check: func(p *Pass) {
			for _, x := range p.placeholders() {
				if x.Set || x.HasDefault || x.Name == "" || dollarEaten(x) || shellForm(x) {
					continue
				}
				message, hint := "this variable is not set or empty", "set it, or write ${NAME:} where it may be empty"
				if x.Braced && isVariable(x.Name) {
					message, hint = x.Name+" is not set or empty", "set it, or write ${"+x.Name+":} if it may be empty"
				}
				p.at(x.Span, "", message, hint)
			}
		},
	}
}

// isVariable reports whether a name is one that variables have. Another one
// may be part of a secret, and is not printed.
func isVariable(name string) bool { return variableName.MatchString(name) }

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
