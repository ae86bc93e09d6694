package lint

import "lockstep/schemas"

// addrScheme is A102.
func addrScheme() Rule {
	return Rule{
		ID:    "A102",
		Slug:  "addr-scheme",
		Title: "the addr of an HTTP listener has a scheme that is not HTTP",
		Doc: "The agent takes a URL of any scheme as addr, `ftp://` or `ws://` too, and then answers every request with 502 " +
			"(unsupported protocol scheme). WebSocket requests pass through `http://` and `https://`; raw connections are for `protocol: tcp`.",
		Levels: alwaysError(),
		Check: func(p *Pass) {
			for at, l := range p.listeners() {
				if u := l.url; u != nil && l.Protocol == schemas.ProtocolHTTP && u.Scheme != "http" && u.Scheme != "https" {
					p.atValue(at+"/addr", "the scheme of addr is neither http nor https",
						"write http:// or https://, or set `protocol: tcp` and write host:port")
				}
			}
		},
	}
}
