package lint

import (
	"fmt"
	"net/netip"
	"strings"

	"lockstep/schemas"
)

// proxyBypass is H407.
func proxyBypass() Rule {
	return Rule{
		ID:    "H407",
		Slug:  "proxy-bypass",
		Title: "a proxy of the environment gets requests that are for an upstream",
		Doc: "With HTTP_PROXY in its environment, the agent sends requests for an `http://` upstream on another machine to that proxy, " +
			"and names the Host that the client sent in place of the upstream: addr is bypassed, and the client chooses where the request goes. " +
			"NO_PROXY with the upstream's host keeps it away. Requests for `https://` upstreams go through a proxy of HTTPS_PROXY to the right host. " +
			"This is known only where the workload that mounts the config stands in the same manifest.",
		Levels: errorInProduction(schemas.LevelInfo, schemas.LevelWarning),
		Admit:  true,
		Check: func(p *Pass) {
			for w, c := range p.agents() {
				if proxy, ok := c.variable("HTTP_PROXY"); ok && (proxy.Value != "" || !proxy.Known) {
					checkProxy(p, w, c, proxy)
				}
			}
		},
	}
}

// checkProxy reports once, with the first upstream that is reached by a proxy.
func checkProxy(p *Pass, w *Workload, c *Container, proxy Variable) {
	except, _ := c.variable("NO_PROXY")
	if except.Name != "" && !except.Known {
		return
	}
	for at, u := range p.upstreams() {
		if u.scheme == "http" && !loopback(strings.ToLower(u.host)) && !excepted(except.Value, u.host, u.port) {
			p.outside(proxy.Span, w.Name+"/env/"+proxy.Name,
				fmt.Sprintf("requests for the endpoint %s go to this proxy, with the host that the client names", p.endpointID(at)),
				"add the host of the upstream to NO_PROXY, or write addr as https://host:port")
			return
		}
	}
}

// variable is one of the environment, whose name may be in capitals or not;
// net/http asks for capitals first.
func (c *Container) variable(name string) (Variable, bool) {
	for _, spelling := range []string{name, strings.ToLower(name)} {
		for _, v := range c.Env {
			if v.Name == spelling {
				return v, true
			}
		}
	}
	return Variable{}, false
}

// excepted reports whether NO_PROXY names a host, in the forms that net/http
// understands: *, addresses and ranges, and domains, which stand for all below
// them; with a leading dot for those only.
func excepted(list, host, port string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	addr, err := netip.ParseAddr(host)
	for entry := range strings.SplitSeq(strings.ToLower(list), ",") {
		entry = strings.TrimSpace(entry)
		if name, only := hostAndPort(entry); only != "" {
			if only != port {
				continue
			}
			entry = name
		}
		if prefix, e := netip.ParsePrefix(entry); e == nil && err == nil && prefix.Contains(addr) {
			return true
		}
		domain := "." + strings.TrimPrefix(strings.TrimPrefix(entry, "*"), ".")
		if entry == "*" || entry != "" && (entry == host || err != nil && strings.HasSuffix(host, domain)) {
			return true
		}
	}
	return false
}
