package lint

import "fmt"

// bundleHasPrivateKey is T210.
func bundleHasPrivateKey() Rule {
	return Rule{
		ID:    "T210",
		Slug:  "bundle-has-private-key",
		Title: "a CA file holds a private key",
		Doc: "A CA file is handed around and read by everyone. If the key in it is that of the authority, " +
			"whoever has the file can issue certificates for every name that the agent trusts.",
		Levels: alwaysError(),
		Locked: true,
		Admit:  true,
		Check: func(p *Pass) {
			for _, m := range p.materials {
				if m.roots != nil && len(m.roots.PrivateKeys) > 0 {
					p.atValue(m.at+"/root_cas", fmt.Sprintf("there is a private key in the file of root_cas, on line %d", m.roots.PrivateKeys[0]),
						"take it out, and replace the key and what was issued with it")
				}
			}
		},
	}
}
