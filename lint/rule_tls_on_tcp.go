package lint

import "lockstep/schemas"

// tlsOnTCP is T204.
func tlsOnTCP() Rule {
	return Rule{
		ID:    "T204",
		Slug:  "tls-on-tcp",
		Title: "tls is configured on a TCP listener, which never uses it",
		Doc: "A TCP listener forwards bytes as they come. The agent loads the files named in tls, refuses the config if one is broken, " +
			"and uses none of them; TLS is up to the client and the upstream.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelWarning),
		Admit:  true,
		Check: func(p *Pass) {
			for at, l := range p.listeners() {
				if l.Protocol == schemas.ProtocolTCP && !l.TLS.Empty() {
					p.atKey(at+"/tls", "tls is never used by a TCP listener", "remove tls")
					p.mend(true, p.remove(at, "tls"))
				}
			}
		},
	}
}
