package lint

import (
	"fmt"

	"lockstep/schemas"
)

// sanMismatchStatic is T218.
func sanMismatchStatic() Rule {
	return Rule{
		ID:    "T218",
		Slug:  "san-mismatch-static",
		Title: "the pinned certificate is not for the host of the URL",
		Doc: "Where root_cas holds nothing but the certificates of servers, one of them has to name the host: " +
			"a DNS name for a name, an IP address for an address. The common name does not count. If none does, every handshake fails.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelError),
		Admit:  true,
		Check: func(p *Pass) {
			for to := range p.anchors() {
				if to.host != "" && pinsAnother(to) {
					p.atValue(to.url, fmt.Sprintf("no certificate in root_cas is for this host: %s", named(to.roots.Certificates)),
						"write a host that the certificate names, or name the authority that issued it")
				}
			}
		},
	}
}

// pinsAnother reports whether only servers' certificates are trusted, and
// none of them for the host of the peer.
func pinsAnother(to peer) bool {
	for _, c := range to.roots.Certificates {
		if signsOthers(c.Certificate) || c.VerifyHostname(to.host) == nil {
			return false
		}
	}
	return true
}
