package lint

import "strconv"

// addrOddPort is A104.
func addrOddPort() Rule {
	return Rule{
		ID:    "A104",
		Slug:  "addr-odd-port",
		Title: "addr is written in a way that its readers take for something else",
		Doc: "The agent takes a port with a sign, with leading zeros or none at all, the name of a service, and a port without a host. " +
			"An HTTP listener never reaches `localhost:+80` or `localhost:http`; `host:` means port 80 there, and `:8080` this machine.",
		Levels: alwaysWarning(),
		Admit:  true,
		Check: func(p *Pass) {
			for at, u := range p.upstreams() {
				if message, hint := oddPort(u); message != "" {
					p.atValue(at+"/addr", message, hint)
				}
			}
		},
	}
}

// oddPort says what is odd about an addr that is in range. White space has a
// rule of its own.
func oddPort(u upstream) (message, hint string) {
	n, number := portNumber(u.port)
	const plain = "write host and port in digits, as in localhost:8080"
	switch {
	case hasSpace(u.authority) || (number && !inRange(n)):
		return "", ""
	case u.port == "" && endsInColon(u):
		return "there is no port after the colon of addr", plain
	case u.port != "" && !number:
		return "the port of addr is not a number", plain
	case number && strconv.Itoa(n) != u.port:
		return "the port of addr has a sign or leading zeros", plain
	case u.host == "":
		return "addr has a port and no host", "write the port alone, or localhost before the colon"
	}
	return "", ""
}

// endsInColon tells `host:` from a URL that just names no port. A TCP
// listener without a port is none of either.
func endsInColon(u upstream) bool {
	return u.scheme != "tcp" && u.authority != "" && u.authority[len(u.authority)-1] == ':'
}
