package lint

// addrPlaintext is A108.
func addrPlaintext() Rule {
	return Rule{
		ID:    "A108",
		Slug:  "addr-plaintext",
		Title: "requests go to another machine without TLS",
		Doc: "A host:port and an `http://` addr mean plain HTTP. Everyone between the agent and the upstream reads and changes " +
			"the requests, the credentials in them included.",
		Levels: warningFromStaging(),
		Admit:  true,
		Check: func(p *Pass) {
			for at, u := range p.upstreams() {
				if u.scheme == "http" && !thisMachine(u.host) && !hasSpace(u.host) && u.TLS.Empty() {
					p.atValue(at+"/addr", "addr is plain HTTP to another machine", "write https://, or run the agent beside the upstream")
				}
			}
		},
	}
}
