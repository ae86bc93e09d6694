package lint

// addrPortRange is A103.
func addrPortRange() Rule {
	return Rule{
		ID:    "A103",
		Slug:  "addr-port-range",
		Title: "the port of addr is none that one can connect to",
		Doc: "The agent takes 0 and numbers above 65535 as ports wherever they do not stand alone, and then answers every request with 502. " +
			"A TCP listener without a number after the colon dials port 0.",
		Levels: alwaysError(),
		Check: func(p *Pass) {
			for at, u := range p.upstreams() {
				n, number := portNumber(u.port)
				if (number && !inRange(n)) || (u.port == "" && u.scheme == "tcp") {
					p.atValue(at+"/addr", "the port of addr is not between 1 and 65535", "write the port that the upstream listens on")
				}
			}
		},
	}
}
