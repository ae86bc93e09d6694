package lint

import (
	"fmt"
	"strings"
)

// flagShadowed is H409.
func flagShadowed() Rule {
	return Rule{
		ID:    "H409",
		Slug:  "flag-shadowed",
		Title: "a flag of the agent has no effect, as the config sets the same",
		Doc: "The agent parses its flags first and reads the file over them: what stands in the file beats the command line, against all custom. " +
			"This is known only where the workload that mounts the config stands in the same manifest.",
		Levels: alwaysWarning(),
		Admit:  true,
		Check: func(p *Pass) {
			for w, c := range p.agents() {
				for _, word := range c.Words {
					checkShadowed(p, w, word)
				}
			}
		},
	}
}

// checkShadowed looks for the key that a flag stands for: --connect.proxy-url
// is proxy_url below connect.
func checkShadowed(p *Pass, w *Workload, word Word) {
	text, ok := flagOf(word)
	name, _, _ := strings.Cut(text, "=")
	pointer := "/" + strings.NewReplacer(".", "/", "-", "_").Replace(name)
	if !ok || name == "listeners" || !p.checked.Has(pointer) {
		return
	}
	p.outside(word.Span, w.Name+"/"+name, fmt.Sprintf("--%s has no effect, as the file sets it too and beats the flag", name), "keep one of the two")
}
