package lint

import "lockstep/schemas"

// probeWrongProtocol is N703.
func probeWrongProtocol() Rule {
	return Rule{
		ID:    "N703",
		Slug:  "probe-wrong-protocol",
		Title: "the upstream speaks TLS where the agent does not, or the other way round",
		Doc: "With `--probe`, lint found a port that does not speak TLS behind an https addr, or one that does behind a plain addr with a tls mapping. " +
			"In both cases the agent answers every request with 502, or the upstream with 400.",
		Levels: schemas.Levels{
			schemas.TierDevelopment: schemas.LevelWarning,
			schemas.TierStaging:     schemas.LevelError,
			schemas.TierProduction:  schemas.LevelError,
		},
		Admit: true,
		Check: func(p *Pass) {
			for _, u := range p.probed {
				switch {
				case u.tls && u.Reason == schemas.ReasonTLSPlaintext:
					p.atValue(u.at+"/addr", "the upstream does not speak TLS on this port", "write the port on which it does, or http:// if it never does")
				case !u.tls && u.Outcome == schemas.ProbePass:
					p.atValue(u.at+"/addr", "the upstream speaks TLS, and addr is plain HTTP", "write addr as https://host:port; verification would pass")
				case !u.tls && u.speaksTLS():
					why, _ := u.failure()
					p.atValue(u.at+"/addr", "the upstream speaks TLS, and addr is plain HTTP", "write addr as https://host:port; verification would not pass yet: "+why)
				}
			}
		},
	}
}
