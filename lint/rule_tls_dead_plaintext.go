package lint

import (
	"strconv"
	"strings"

	"lockstep/schemas"
)

// tlsDeadPlaintext is T203.
func tlsDeadPlaintext() Rule {
	return Rule{
		ID:    "T203",
		Slug:  "tls-dead-plaintext",
		Title: "tls is configured, but the upstream is spoken to in plain HTTP",
		Doc: "Only an `https://` addr uses tls. A port, a host:port and an `http://` addr mean plain HTTP: " +
			"the agent loads and checks the certificates and then never uses them, so requests that look protected are not.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelError),
		Admit:  true,
		Check: func(p *Pass) {
			for at, l := range p.listeners() {
				if !l.TLS.Empty() && plaintext(l) {
					p.atKey(at+"/tls", "tls is never used, as addr is plain HTTP",
						"write addr as https://host:port, or remove tls")
					p.mend(false, p.encrypt(at+"/addr", l.Addr))
				}
			}
		},
	}
}

// encrypt makes an HTTPS URL of the addr of an HTTP listener, which may be a
// port alone.
func (p *Pass) encrypt(pointer, addr string) []schemas.Edit {
	switch _, err := strconv.ParseUint(addr, 10, 16); {
	case err == nil:
		return p.insert(pointer, "", "https://localhost:")
	case strings.HasPrefix(addr, "http://"):
		return p.insert(pointer, "http", "s")
	case strings.Contains(addr, "://"): // the same in capitals
		return nil
	}
	return p.insert(pointer, "", "https://")
}

// plaintext reports whether l is an HTTP listener whose upstream can be
// reached, without TLS.
func plaintext(l *listener) bool {
	return l.url != nil && l.Protocol == schemas.ProtocolHTTP && l.url.Scheme == "http" && !unusable(l)
}
