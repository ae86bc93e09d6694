package lint

import "lockstep/schemas"

// probeWouldVerify is N701.
func probeWouldVerify() Rule {
	return Rule{
		ID:    "N701",
		Slug:  "probe-would-verify",
		Title: "the certificate of the upstream is not verified, but would pass",
		Doc: "With `--probe`, lint made a handshake with this upstream, by the same root_cas and for the same name as the agent: verification passes. " +
			"So insecure_skip_verify can go, and no request will fail for it.",
		Levels: sameLevel(schemas.LevelInfo),
		Admit:  true,
		Check: func(p *Pass) {
			for _, u := range p.probed {
				if u.tls && u.listener.TLS.InsecureSkipVerify && u.Outcome == schemas.ProbePass {
					p.atValue(u.at+"/tls/insecure_skip_verify", "the upstream would pass verification: "+u.leaf()+" is for this host and from an authority that is trusted",
						withoutSkip(u.Roots))
					// Whom the machine that probed trusts, the agent's may not.
					p.mend(u.Roots != schemas.SystemRoots, p.rewrite(u.at+"/tls/insecure_skip_verify", "false"))
				}
			}
		},
	}
}

// withoutSkip is the remedy where a certificate passes.
func withoutSkip(roots string) string {
	if roots == schemas.SystemRoots {
		return "remove insecure_skip_verify, and name the authority in root_cas unless the agent's machine trusts whom this one does"
	}
	return "remove insecure_skip_verify"
}
