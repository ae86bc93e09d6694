package lint

import (
	"time"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// caExpired is T211.
func caExpired() Rule {
	return Rule{
		ID:    "T211",
		Slug:  "ca-expired",
		Title: "a certificate in root_cas is not valid now, or soon will not be",
		Doc: "On the day an authority expires, every connection to a server below it fails at once, and the agent answers 502. " +
			"What expires within 30 days is reported in development, within 14 in staging, within 7 in production.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelError),
		Admit:  true,
		Check:  checkCAExpired,
	}
}

func checkCAExpired(p *Pass) {
	if p.now.IsZero() {
		return
	}
	const renew = "replace it in the file; old and new may stand side by side"
	for to := range p.anchors() {
		var expired, soon, early []certs.BundleCertificate
		for _, c := range to.roots.Certificates {
			switch {
			case !c.NotAfter.After(p.now):
				expired = append(expired, c)
			case c.NotBefore.After(p.now):
				early = append(early, c)
			case c.NotAfter.Before(p.now.Add(notice(p.tier))):
				soon = append(soon, c)
			}
		}
		p.atRoots(to.material, expired, "has expired"+onDay(expired, notAfter), renew)
		p.atRoots(to.material, soon, "expires soon"+onDay(soon, notAfter), renew)
		p.atRoots(to.material, early, "is not valid yet, but from a later day"+onDay(early, notBefore), "wait, or use the one before")
	}
}

// notice is how long before the end a tier is told.
func notice(tier schemas.Tier) time.Duration {
	days := map[schemas.Tier]int{schemas.TierDevelopment: 30, schemas.TierStaging: 14, schemas.TierProduction: 7}
	return time.Duration(days[tier]) * 24 * time.Hour
}

func notAfter(c certs.BundleCertificate) time.Time  { return c.NotAfter }
func notBefore(c certs.BundleCertificate) time.Time { return c.NotBefore }

// onDay is the day of the first certificate, in brackets.
func onDay(picked []certs.BundleCertificate, of func(certs.BundleCertificate) time.Time) string {
	if len(picked) == 0 {
		return ""
	}
	return " (" + of(picked[0]).UTC().Format(time.DateOnly) + ")"
}
