package lint

import (
	"strings"

	"lockstep/internal/linklocal"
	"lockstep/schemas"
)

// addrMetadata is A107.
func addrMetadata() Rule {
	return Rule{
		ID:    "A107",
		Slug:  "addr-metadata",
		Title: "the upstream is the metadata service of the machine, or another link-local address",
		Doc: "Link-local addresses, 169.254.169.254 first of all, answer whoever asks from this machine, and a cloud gives out " +
			"the credentials of the machine there. A listener hands that to everyone who reaches the endpoint.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelError),
		Admit:  true,
		Check: func(p *Pass) {
			for at, u := range p.upstreams() {
				if linkLocal(u.host) {
					p.atValue(at+"/addr", "addr is a link-local or metadata address, which only this machine is meant to reach",
						"forward to the service itself")
				}
			}
		},
	}
}

// linkLocal reports whether host answers only to machines beside it. Google's
// metadata service has a name too.
func linkLocal(host string) bool {
	addr, isAddr := parseIP(host)
	if !isAddr {
		return strings.EqualFold(strings.TrimSuffix(host, "."), "metadata.google.internal")
	}
	return linklocal.Contains(addr)
}
