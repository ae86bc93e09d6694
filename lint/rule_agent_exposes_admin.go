package lint

import "fmt"

// agentExposesAdmin is A112.
func agentExposesAdmin() Rule {
	return Rule{
		ID:    "A112",
		Slug:  "agent-exposes-admin",
		Title: "the port of addr is one of an administrative interface",
		Doc: "Docker, etcd, the kubelet, Envoy, Caddy and Piko have ports that are meant for those who run them, " +
			"and most of them ask for no password. A listener opens them to everyone who reaches the endpoint.",
		Levels: warningFromStaging(),
		Admit:  true,
		Check: func(p *Pass) {
			piko := p.pikoServer()
			for at, u := range p.upstreams() {
				if name := adminOf(u, piko); name != "" {
					p.atValue(at+"/addr", fmt.Sprintf("addr is the port of %s, an administrative interface", name), "forward to the service itself")
				}
			}
		},
	}
}

// adminOf names the software whose administrators use the port of u, empty
// if there is none. The port of Piko's own (8002) means that only on the
// machine of the Piko server: elsewhere it is an ordinary one.
func adminOf(u upstream, piko string) string {
	if u.port == "8002" && piko != "" {
		host, _ := hostAndPort(piko)
		if own, _ := hostAndPort(u.address); own == host {
			return "Piko"
		}
	}
	switch u.port {
	case "2019":
		return "Caddy"
	case "2375", "2376":
		return "Docker"
	case "2379", "2380":
		return "etcd"
	case "9901", "15000":
		return "Envoy"
	case "10250", "10255":
		return "the kubelet"
	}
	return ""
}
