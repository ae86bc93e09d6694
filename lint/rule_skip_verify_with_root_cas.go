package lint

import "lockstep/schemas"

// skipVerifyWithRootCAs is T205.
func skipVerifyWithRootCAs() Rule {
	return Rule{
		ID:    "T205",
		Slug:  "skip-verify-with-root-cas",
		Title: "a CA is named and then ignored",
		Doc: "With insecure_skip_verify the certificates of root_cas are loaded and play no part. " +
			"Whoever named them wanted verification: mostly the skip is left from the time before there was a CA file. " +
			"While the rollout file of `--rollout` observes or enforces `tls/<endpoint_id>`, `lockstep run` does use them, and nothing is said.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelWarning),
		Admit:  true,
		Check: func(p *Pass) {
			for at, l := range p.listeners() {
				if mode := p.stage(l).ModeAt(p.now); mode != schemas.ModeObserve && mode != schemas.ModeEnforce {
					checkIgnoredCAs(p, at, l.TLS)
				}
			}
			if p.agent != nil {
				checkIgnoredCAs(p, "/connect", p.agent.Connect.TLS)
			}
		},
	}
}

func checkIgnoredCAs(p *Pass, at string, t schemas.TLS) {
	if t.InsecureSkipVerify && t.RootCAs != "" {
		p.atKey(at+"/tls/root_cas", "root_cas is ignored, as insecure_skip_verify is on", "remove insecure_skip_verify")
		p.mend(false, p.rewrite(at+"/tls/insecure_skip_verify", "false"))
	}
}
