package lint

import "lockstep/schemas"

// tokenOverHTTP is S302.
func tokenOverHTTP() Rule {
	return Rule{
		ID:    "S302",
		Slug:  "token-over-http",
		Title: "the token is sent without TLS",
		Doc: "With an `http://` or `ws://` URL the agent sends its token unencrypted to another host, " +
			"where everyone on the way can read it and register endpoints with it.",
		Levels: errorInProduction(schemas.LevelInfo, schemas.LevelError),
		Locked: true,
		Admit:  true,
		Check: func(p *Pass) {
			if p.agent == nil || p.agent.Connect.Token.Empty() {
				return
			}
			u := p.connectURL
			if u != nil && (u.Scheme == "http" || u.Scheme == "ws") && !loopback(u.Hostname()) {
				p.atValue("/connect/url", "the token is sent to this URL without TLS", "write https://")
				p.mend(false, p.insert("/connect/url", u.Scheme, "s"))
			}
		},
	}
}

// loopback reports whether host is this machine.
func loopback(host string) bool {
	addr, isAddr := parseIP(host)
	return host == "localhost" || (isAddr && addr.IsLoopback())
}
