package lint

import (
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"

	"lockstep/schemas"
)

// envInjection is E506.
func envInjection() Rule {
	return Rule{
		ID:    "E506",
		Slug:  "env-injection",
		Title: "a variable without quotes may change more than its value",
		Doc: "Variables are put in before the YAML is read. In a value without quotes a ` #` of the variable starts a comment, " +
			"so that a token is cut short, and a line break ends the value and may add keys. Between quotes neither does. " +
			"Numbers and switches are left out, as the agent does not take them in quotes.",
		Levels: warningFromStaging(),
		Admit:  true,
		Check: func(p *Pass) {
			if p.expansion == nil {
				return
			}
			bare := unquoted(p.expansion)
			for i, x := range p.expansion.Placeholders {
				if bare[i] && x.Name != "" && !dollarEaten(x) {
					p.at(x.Span, "", "a line break or ` #` in this variable would change more than this value", "put the whole value in quotes")
				}
			}
		},
	}
}

// unquoted tells which placeholders are the first one in a text that is
// written without quotes. It asks the parser, with a word in the place of each.
func unquoted(e *schemas.Expansion) map[int]bool {
	bare := map[int]bool{}
	doc, err := schemas.ParseDocument("", e.Replace(placeholder))
	if err != nil || doc.Root == nil {
		return bare
	}
	everyScalar(doc.Root, func(key, node *yaml.Node, _ int) {
		if node.Kind != yaml.ScalarNode || node.Style != 0 || key != nil && !takesQuotes(key.Value) {
			return
		}
		if m := placeholderForm.FindStringSubmatch(node.Value); m != nil {
			if i, err := strconv.Atoi(m[1]); err == nil {
				bare[i] = true
			}
		}
	})
	return bare
}

// placeholderForm is what [placeholder] makes.
var placeholderForm = regexp.MustCompile(`lockstep\.(\d+)\.`)

// takesQuotes reports whether the value of a key means the same between quotes.
func takesQuotes(key string) bool {
	switch key {
	case "insecure_skip_verify", "disable", "enabled", "disable_compression", "max_idle_conns":
		return false
	}
	return true
}
