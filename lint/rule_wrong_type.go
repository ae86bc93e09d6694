package lint

import (
	"fmt"
	"slices"
)

// wrongType is P005.
func wrongType() Rule {
	return Rule{
		ID:    "P005",
		Slug:  "wrong-type",
		Title: "a value that the agent cannot use",
		Doc: "A value has another type than its key asks for, or is none of the allowed ones. " +
			"Two are met most: a duration without a unit (`timeout: 10`), and a quoted boolean (`\"true\"`), " +
			"which the agent refuses although it takes a quoted `\"yes\"`.",
		Levels: alwaysError(),
		Check:  checkWrongType,
	}
}

// checkWrongType reports every violation that no other rule does.
func checkWrongType(p *Pass) {
	others := []string{"additionalProperties", "required", "duplicateKey"}
	for _, v := range p.violations {
		if p.drifted[spottedAs(v)] || slices.Contains(others, v.Keyword) {
			continue
		}
		if v.Keyword == "type" {
			v.Message += fmt.Sprintf(" for Piko v%s", p.version)
		}
		p.at(v.Span, v.Pointer, v.Message, v.Hint)
		p.mend(true, v.Edits)
	}
}
