package lint

import "net/url"

// connectURLScheme is H408.
func connectURLScheme() Rule {
	return Rule{
		ID:    "H408",
		Slug:  "connect-url-scheme",
		Title: "the agent cannot dial connect.url",
		Doc: "The agent takes almost any text as connect.url, but dials only `http`, `https`, `ws` and `wss` URLs with a host and without credentials. " +
			"With any other it retries until connect.timeout and then exits, so no listener comes up.",
		Levels: alwaysError(),
		Check: func(p *Pass) {
			u := p.connectURL
			if u == nil || p.agent.Connect.URL == "" || variable(p.agent.Connect.URL) { // the agent itself refuses the first two
				return
			}
			if reason := undialable(u); reason != "" {
				p.atValue("/connect/url", reason, "write it as in https://piko.example.com:8001")
			}
		},
	}
}

// undialable says why the agent's WebSocket client does not dial u, empty if
// it does.
func undialable(u *url.URL) string {
	switch {
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "ws" && u.Scheme != "wss":
		return "the scheme of url is none that the agent can dial"
	case u.Hostname() == "":
		return "url names no host"
	case u.User != nil:
		return "url holds credentials, with which the agent does not dial it"
	}
	return ""
}
