package lint

import "lockstep/schemas"

// envDollarEaten is E503.
func envDollarEaten() Rule {
	return Rule{
		ID:    "E503",
		Slug:  "env-dollar-eaten",
		Title: "a dollar sign is eaten together with what follows",
		Doc: "With --config.expand-env every `$` with something behind it is a variable: of `pa$word` the agent keeps `pa`, of `a$$b` " +
			"it keeps `ab`. Nothing can be escaped; a value with a dollar sign has to come from a variable itself.",
		Levels: alwaysError(),
		Admit:  true,
		Check: func(p *Pass) {
			for _, x := range p.placeholders() {
				if dollarEaten(x) {
					p.at(x.Span, "", "the agent drops this, as it is no variable that is set", "put the whole value in a variable")
				}
			}
		},
	}
}

// dollarEaten reports whether a placeholder is hardly meant as one: nobody
// sets `$1` or `$$`, and a name without braces that goes on from a word and is
// not set is part of that word.
func dollarEaten(x schemas.Placeholder) bool {
	switch {
	case x.Set || x.HasDefault:
		return false
	case x.Braced:
		return x.Name == "" && !x.Unclosed
	}
	return !isVariable(x.Name) || x.InWord
}
