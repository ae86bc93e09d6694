package lint

import "strings"

// yamlDirective is P013.
func yamlDirective() Rule {
	return Rule{
		ID:    "P013",
		Slug:  "yaml-directive",
		Title: "the file declares a version of YAML that the agent does not read",
		Doc: "The agent reads YAML 1.1 and refuses a file that begins with `%YAML 1.2`, even if the rest of it is the same in both. " +
			"Without the directive it reads the file.",
		Levels: alwaysError(),
		Check: func(p *Pass) {
			if p.document == nil && strings.HasSuffix(p.refusals[0].reason, "found incompatible YAML document") {
				p.at(p.refusals[0].span, "", "the agent does not read this version of YAML", "remove the line with %YAML")
			}
		},
	}
}
