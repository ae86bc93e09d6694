package lint

import (
	"fmt"
	"strings"

	"lockstep/schemas"
)

// envFlagMissing is E504.
func envFlagMissing() Rule {
	return Rule{
		ID:    "E504",
		Slug:  "env-flag-missing",
		Title: "the config has variables, and the agent is not told to put them in",
		Doc: "Without --config.expand-env the agent takes `${NAME}` as it stands: a token is then these very characters, and the server refuses it. " +
			"This is known only where the workload that mounts the config stands in the same manifest, with the agent's command line.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelError),
		Admit:  true,
		Check: func(p *Pass) {
			for w, c := range p.agents() {
				if at, _, ok := c.flag("config.expand-env"); c.isAgent() && (!ok || strings.HasSuffix(at.Text, "=false")) {
					checkUnexpanded(p, w)
					return
				}
			}
		},
	}
}

// checkUnexpanded reports once: it is one flag that is missing.
func checkUnexpanded(p *Pass, w *Workload) {
	expansion := p.expansion
	if expansion == nil {
		var err error
		if expansion, err = schemas.Expand(p.document.Source, func(string) string { return "" }); err != nil {
			return
		}
	}
	commented := expansion.Commented()
	for i, x := range expansion.Placeholders {
		if x.Braced && isVariable(x.Name) && !commented[i] {
			p.at(x.Span, "", fmt.Sprintf("%s starts the agent without --config.expand-env, so that ${%s} stays as it is", w.Name, x.Name),
				"add --config.expand-env to its args")
			return
		}
	}
}
