package lint

import "lockstep/schemas"

// connectInsecureSkipVerify is T202.
func connectInsecureSkipVerify() Rule {
	return Rule{
		ID:    "T202",
		Slug:  "connect-insecure-skip-verify",
		Title: "the agent takes any certificate for the Piko server",
		Doc: "The agent sends its token to whoever answers in place of the Piko server, " +
			"who can then register the agent's endpoints and receive their requests.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelError),
		Locked: true,
		Admit:  true,
		Check: func(p *Pass) {
			if p.agent != nil && p.agent.Connect.TLS.InsecureSkipVerify {
				p.atValue("/connect/tls/insecure_skip_verify", "the certificate of the Piko server is not verified",
					"remove it, and name a private CA in root_cas")
				p.mend(false, p.rewrite("/connect/tls/insecure_skip_verify", "false"))
			}
		},
	}
}
