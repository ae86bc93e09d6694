package lint

import (
	"slices"
	"strconv"
	"strings"

	"lockstep/schemas"
)

// yaml11Bool is P009.
func yaml11Bool() Rule {
	return Rule{
		ID:    "P009",
		Slug:  "yaml11-bool",
		Title: "a boolean is spelled as in YAML 1.1",
		Doc: "The agent takes `yes`, `on` and `y` for true, also in quotes, as YAML 1.1 did. Other tools, editors and reviewers " +
			"follow YAML 1.2, where they are texts: `insecure_skip_verify: \"yes\"` switches verification off behind their backs.",
		Levels: sameLevel(schemas.LevelWarning),
		Admit:  true,
		Check:  checkYAML11Bool,
	}
}

func checkYAML11Bool(p *Pass) {
	if p.checked == nil {
		return
	}
	for pointer, s := range p.checked.Literals() {
		if value, ok := s.Value.(bool); ok && !slices.Contains([]string{"true", "false"}, strings.ToLower(s.Text)) {
			p.at(s.Span(), pointer, "this is a boolean for the agent, and a text for most other tools", "write true or false, without quotes")
			p.mend(true, p.rewrite(pointer, strconv.FormatBool(value)))
		}
	}
}
