package lint

import (
	"crypto/x509"
	"slices"
	"time"

	"lockstep/schemas"
)

// longestClientCert is how long a certificate may be valid in the public web,
// by the baseline requirements of the CA/Browser Forum of 2020.
const longestClientCert = 398 * 24 * time.Hour

// clientCertUnfit is T216.
func clientCertUnfit() Rule {
	return Rule{
		ID:    "T216",
		Slug:  "client-cert-unfit",
		Title: "the client certificate will be refused, or lives too long",
		Doc: "A server that asks for a client certificate refuses one that is not valid now, or that may be used for servers only. " +
			"One that is valid for more than 398 days outlives those who know where its key is.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelError),
		Admit:  true,
		Check: func(p *Pass) {
			for to := range p.peers() {
				if to.client != nil {
					checkClientCert(p, to.at+"/cert", to.client)
				}
			}
		},
	}
}

func checkClientCert(p *Pass, pointer string, c *x509.Certificate) {
	const reissue = "have a new one issued"
	switch {
	case !p.now.IsZero() && !c.NotAfter.After(p.now):
		p.atValue(pointer, "the client certificate has expired on "+c.NotAfter.UTC().Format(time.DateOnly), reissue)
	case !p.now.IsZero() && c.NotBefore.After(p.now):
		p.atValue(pointer, "the client certificate is not valid before "+c.NotBefore.UTC().Format(time.DateOnly), reissue)
	case c.NotAfter.Sub(c.NotBefore) > longestClientCert:
		p.atValue(pointer, "the client certificate is valid for more than 398 days", reissue)
	}
	uses := c.ExtKeyUsage
	if len(uses)+len(c.UnknownExtKeyUsage) > 0 && !slices.Contains(uses, x509.ExtKeyUsageClientAuth) && !slices.Contains(uses, x509.ExtKeyUsageAny) {
		p.atValue(pointer, "the certificate is not meant for clients: its extended key usage lacks clientAuth", reissue)
	}
}
