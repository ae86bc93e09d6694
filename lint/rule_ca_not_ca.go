package lint

import (
	"crypto/x509"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// caNotCA is T212.
func caNotCA() Rule {
	return Rule{
		ID:    "T212",
		Slug:  "ca-not-ca",
		Title: "a certificate in root_cas is not that of an authority",
		Doc: "A certificate whose basic constraints or key usage do not allow it to sign others vouches for nobody. " +
			"It is accepted only if the server shows this very certificate, so the connections fail on the day the server gets a new one.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelWarning),
		Admit:  true,
		Check: func(p *Pass) {
			for to := range p.anchors() {
				var picked []certs.BundleCertificate
				for _, c := range to.roots.Certificates {
					if !signsOthers(c.Certificate) {
						picked = append(picked, c)
					}
				}
				p.atRoots(to.material, picked, "is not an authority's", "name the certificate of the authority that issues the server's")
			}
		},
	}
}

// signsOthers reports whether c may have issued the certificate of a server,
// by the rules of crypto/x509. Before version 3 there were none.
func signsOthers(c *x509.Certificate) bool {
	isCA := c.Version < 3 || (c.BasicConstraintsValid && c.IsCA)
	return isCA && (c.KeyUsage == 0 || c.KeyUsage&x509.KeyUsageCertSign != 0)
}
