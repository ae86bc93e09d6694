package lint

// secretInState is K809.
func secretInState() Rule {
	return Rule{
		ID:    "K809",
		Slug:  "secret-in-state",
		Title: "a secret stands in the rollout file itself",
		Doc: "A rollout file is kept in a repository, and its entries go into plans and journals: a secret in it is known to all who may read one of them, for good. " +
			"Put the key into a file or a variable, and name that. Take a new key if this one has been committed.",
		Levels: alwaysError(),
		Locked: true,
		Check: func(p *Pass) {
			for _, k := range p.rolloutKeys() {
				if p.checked.Has(k.at+"/secret") && k.secret.Check() != nil && !p.violated(k.at+"/secret") {
					p.atValue(k.at+"/secret", "this is no reference, and may be the secret itself", "write file:PATH or env:NAME")
				}
			}
		},
	}
}
