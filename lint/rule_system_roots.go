package lint

import "lockstep/schemas"

// systemRoots is T223.
func systemRoots() Rule {
	return Rule{
		ID:    "T223",
		Slug:  "system-roots",
		Title: "whom the agent trusts is decided by the machine it runs on",
		Doc: "Without root_cas the agent verifies a certificate against the authorities of its operating system, which differ from one image to the next. " +
			"For a server with a public certificate that is right; for a private one the authority has to be installed on every machine.",
		Levels: schemas.Levels{
			schemas.TierDevelopment: schemas.LevelOff,
			schemas.TierStaging:     schemas.LevelInfo,
			schemas.TierProduction:  schemas.LevelInfo,
		},
		Admit: true,
		Check: func(p *Pass) {
			for to := range p.peers() {
				if to.RootCAs == "" && !to.InsecureSkipVerify {
					p.atValue(to.url, "this is verified against the authorities of the system, as there is no root_cas",
						"name the authority in root_cas, unless the certificate is a public one")
				}
			}
		},
	}
}
