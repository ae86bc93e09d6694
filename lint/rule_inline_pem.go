package lint

import "strings"

// inlinePEM is T220.
func inlinePEM() Rule {
	return Rule{
		ID:    "T220",
		Slug:  "inline-pem",
		Title: "a key or certificate stands where a path is expected",
		Doc: "The agent takes cert, key and root_cas as paths and refuses the config, as there is no such file. " +
			"A key without cert it does not open and so accepts, and the private key stands in the config for everyone who can read it.",
		Levels: alwaysError(),
		Admit:  true,
		Check: func(p *Pass) {
			for _, m := range p.materials {
				for _, f := range m.files() {
					if isPEM(f.path) {
						p.atValue(m.at+"/"+f.key, f.key+" is PEM text, and the path of a file is expected",
							"move it to a file, readable by the agent alone if it is a key")
					}
				}
			}
		},
	}
}

func isPEM(text string) bool { return strings.Contains(text, "-----BEGIN ") }
