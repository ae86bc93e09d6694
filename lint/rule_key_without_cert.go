package lint

// keyWithoutCert is T206.
func keyWithoutCert() Rule {
	return Rule{
		ID:    "T206",
		Slug:  "key-without-cert",
		Title: "a private key is named and never used",
		Doc: "Without cert the agent does not even open the file of key, and shows no certificate to a server that asks for one. " +
			"The other way round, a cert without key, the agent refuses the config (P001).",
		Levels: alwaysWarning(),
		Admit:  true,
		Check: func(p *Pass) {
			for m := range p.peers() {
				if m.Key != "" && m.Cert == "" {
					p.atKey(m.at+"/key", "key is ignored, as there is no cert", "set cert to the certificate of this key, or remove key")
				}
			}
		},
	}
}
