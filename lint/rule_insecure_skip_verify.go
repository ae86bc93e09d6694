package lint

import "lockstep/schemas"

// insecureSkipVerify is T201.
func insecureSkipVerify() Rule {
	return Rule{
		ID:    "T201",
		Slug:  "insecure-skip-verify",
		Title: "a listener takes any certificate for any name",
		Doc: "With insecure_skip_verify the agent does not know whom it talks to: whoever can answer in place of the upstream " +
			"reads and changes every request, credentials included. " +
			"Each YAML spelling of true counts, for the agent `on`, `y` and a quoted `\"yes\"` among them.",
		Levels: errorInProduction(schemas.LevelInfo, schemas.LevelWarning),
		Locked: true,
		Admit:  true,
		Check: func(p *Pass) {
			for at, l := range p.listeners() {
				if l.TLS.InsecureSkipVerify {
					p.atValue(at+"/tls/insecure_skip_verify", "the certificate of the upstream is not verified",
						"remove it, and name a private CA in root_cas")
					p.mend(false, p.rewrite(at+"/tls/insecure_skip_verify", "false"))
				}
			}
		},
	}
}
