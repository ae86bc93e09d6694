package lint

import (
	"strings"

	"lockstep/schemas"
)

// addrUnusable is A101.
func addrUnusable() Rule {
	return Rule{
		ID:    "A101",
		Slug:  "addr-unusable",
		Title: "the agent takes this addr, but nothing can be reached by it",
		Doc: "An addr that is no usable URL is read as host:port, however odd the parts are: " +
			"`https://h%zz` becomes the host `https` with the port `//h%zz`. The agent starts, and answers every request with 502.",
		Levels: alwaysError(),
		Check: func(p *Pass) {
			for at, l := range p.listeners() {
				if unusable(l) {
					p.atValue(at+"/addr", "addr is read as host:port, but it is a broken URL",
						"write it as in 8080, localhost:8080 or https://host:8443")
				}
			}
		},
	}
}

// unusable reports whether the agent accepts the addr of l as a host and a
// port of which one holds a slash, as no name or number does.
func unusable(l *listener) bool {
	if l.Protocol == schemas.ProtocolTCP {
		address, ok := l.HostPort()
		return ok && strings.Contains(address, "/")
	}
	return l.url != nil && strings.Contains(l.url.Host, "/")
}
