package lint

import (
	"time"

	"lockstep/schemas"
)

// probeExpiresSoon is N704.
func probeExpiresSoon() Rule {
	return Rule{
		ID:    "N704",
		Slug:  "probe-expires-soon",
		Title: "the certificate of the upstream passes, but not for long",
		Doc: "On the day the certificate of an upstream expires, a listener that verifies it answers 502. " +
			"With `--probe`, what expires within 30 days is reported in development, within 14 in staging, within 7 in production. " +
			"One that is renewed by a machine has more than that left.",
		Levels: schemas.Levels{
			schemas.TierDevelopment: schemas.LevelInfo,
			schemas.TierStaging:     schemas.LevelWarning,
			schemas.TierProduction:  schemas.LevelWarning,
		},
		Admit: true,
		Check: func(p *Pass) {
			for _, u := range p.probed {
				if !u.tls || u.Outcome != schemas.ProbePass || len(u.Chain) == 0 || p.now.IsZero() {
					continue
				}
				if end := u.Chain[0].NotAfter; end.Before(p.now.Add(notice(p.tier))) {
					p.atValue(u.at+"/addr", u.leaf()+" expires soon ("+end.UTC().Format(time.DateOnly)+")", "have it renewed")
				}
			}
		},
	}
}
