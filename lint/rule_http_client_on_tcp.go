package lint

import "lockstep/schemas"

// httpClientOnTCP is H405.
func httpClientOnTCP() Rule {
	return Rule{
		ID:    "H405",
		Slug:  "http-client-on-tcp",
		Title: "a setting for HTTP on a TCP listener, which never uses it",
		Doc: "A TCP listener forwards bytes as they come and knows no requests or headers. " +
			"The agent reads http_client and the header lists of access_log there, and uses neither.",
		Levels: alwaysWarning(),
		Admit:  true,
		Check: func(p *Pass) {
			for at, l := range p.listeners() {
				if l.Protocol != schemas.ProtocolTCP {
					continue
				}
				for _, key := range []struct{ parent, name string }{
					{at, "http_client"}, {at + "/access_log", "request_headers"}, {at + "/access_log", "response_headers"},
				} {
					if pointer := key.parent + "/" + key.name; p.checked.Has(pointer) {
						p.atKey(pointer, "this is never used by a TCP listener", "remove it, or set `protocol: http`")
						p.mend(true, p.remove(key.parent, key.name))
					}
				}
			}
		},
	}
}
