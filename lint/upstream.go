package lint

import (
	"errors"
	"iter"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"lockstep/schemas"
)

// An upstream is where a listener forwards to, taken apart.
type upstream struct {
	*schemas.Listener
	scheme     string // http, https or tcp
	authority  string // host and port as the agent dials them
	host, port string // port is empty where none is written
	address    string // what is really dialled, see canonical
	userinfo   bool   // a user name or password stands before the host
}

// upstreams yields each listener that has a usable upstream, with its JSON
// pointer. What other rules refuse as a whole is left out, and so is an addr
// with a `$`: only the environment knows what it becomes.
func (p *Pass) upstreams() iter.Seq2[string, upstream] {
	if p.usable == nil {
		p.usable = []located{} // many rules ask, and taking an addr apart costs
		for at, l := range p.listeners() {
			if u, ok := upstreamOf(l); ok {
				p.usable = append(p.usable, located{at, u})
			}
		}
	}
	return func(yield func(string, upstream) bool) {
		for _, l := range p.usable {
			if !yield(l.at, l.upstream) {
				return
			}
		}
	}
}

// located is an upstream with the JSON pointer of its listener.
type located struct {
	at string
	upstream
}

func upstreamOf(l *listener) (u upstream, ok bool) {
	if unusable(l) || variable(l.Addr) {
		return upstream{}, false
	}
	u = upstream{Listener: l.Listener, scheme: "tcp"}
	if l.Protocol == schemas.ProtocolTCP {
		u.authority, ok = l.HostPort()
	} else {
		ok = l.url != nil && (l.url.Scheme == "http" || l.url.Scheme == "https")
		if !ok {
			return upstream{}, false
		}
		u.scheme, u.authority, u.userinfo = l.url.Scheme, l.url.Host, l.url.User != nil
	}
	u.host, u.port = hostAndPort(u.authority)
	u.address = canonical(u.host, u.port, u.scheme)
	u.userinfo = u.userinfo || strings.Contains(u.host, "@")
	return u, ok
}

// variable reports whether a value is left to the environment.
func variable(text string) bool { return strings.Contains(text, "$") }

// hostAndPort splits an authority, of which the port may be missing.
func hostAndPort(authority string) (host, port string) {
	if host, port, err := net.SplitHostPort(authority); err == nil {
		return host, port
	}
	return strings.Trim(authority, "[]"), ""
}

// canonical writes host and port in one way, in which they can be compared:
// names in lower case, all names of this machine alike, and the port that the
// scheme stands for.
func canonical(host, port, scheme string) string {
	if port == "" {
		port = defaultPort(scheme)
	}
	if n, err := strconv.Atoi(port); err == nil {
		port = strconv.Itoa(n)
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if thisMachine(host) {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

func defaultPort(scheme string) string {
	switch scheme {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	}
	return ""
}

// thisMachine reports whether a connection to host never leaves it.
func thisMachine(host string) bool {
	addr, isAddr := parseIP(host)
	return host == "" || loopback(strings.ToLower(host)) || (isAddr && addr.IsUnspecified())
}

// parseIP reads a host that is an IP address. Most are names, and the error
// that says so costs more than the look.
func parseIP(host string) (addr netip.Addr, ok bool) {
	if host == "" || (host[0] > '9' && !strings.Contains(host, ":")) {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(host)
	return addr, err == nil
}

// portNumber reads a port; number is false where it is no number, and n is
// out of range where it is too big for one.
func portNumber(port string) (n int, number bool) {
	if port == "" {
		return 0, false
	}
	n, err := strconv.Atoi(port)
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}

// inRange reports whether n is a port that one can connect to.
func inRange(n int) bool { return n >= 1 && n <= 65535 }
