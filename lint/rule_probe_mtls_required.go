package lint

import "lockstep/schemas"

// probeMTLSRequired is N705.
func probeMTLSRequired() Rule {
	return Rule{
		ID:    "N705",
		Slug:  "probe-mtls-required",
		Title: "the upstream refuses a client without a certificate that it takes",
		Doc: "With `--probe`, lint made a handshake with this upstream by the cert of the config, if there is one, and the upstream refused. " +
			"The agent gets the same answer, and passes on a 502, whether it verifies or not.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelWarning),
		Admit:  true,
		Check: func(p *Pass) {
			for _, u := range p.probed {
				if !u.tls || u.Reason != schemas.ReasonTLSClientCertificate {
					continue
				}
				if u.listener.TLS.Cert == "" {
					p.atValue(u.at+"/addr", "the upstream demands a client certificate, and tls names none",
						"name one in cert and its key in key, from an authority that the upstream trusts")
				} else {
					p.atValue(u.at+"/tls/cert", "the upstream does not take this client certificate",
						"use one from an authority that the upstream trusts, for client authentication")
				}
			}
		},
	}
}
