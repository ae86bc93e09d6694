package lint

import (
	"net"

	"lockstep/schemas"
)

// selfLoop is A111.
func selfLoop() Rule {
	return Rule{
		ID:    "A111",
		Slug:  "self-loop",
		Title: "a listener forwards to the Piko server or to the agent itself",
		Doc: "With connect.url as upstream, the port on which agents register is open to everyone who reaches the endpoint. " +
			"With server.bind_addr it is the agent's own status and metrics.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelError),
		Admit:  true,
		Check: func(p *Pass) {
			piko, agent := p.pikoServer(), p.agentServer()
			for at, u := range p.upstreams() {
				switch u.address {
				case piko:
					p.atValue(at+"/addr", "addr is the Piko server of connect.url", "forward to the service itself")
				case agent:
					p.atValue(at+"/addr", "addr is the agent's own server, bind_addr", "forward to the service itself")
				}
			}
		},
	}
}

// pikoServer is the address that the agent connects to, empty if it is not
// known. See [canonical].
func (p *Pass) pikoServer() string {
	u := p.connectURL
	if u == nil || u.Host == "" || variable(u.Host) {
		return ""
	}
	host, port := hostAndPort(u.Host)
	return canonical(host, port, u.Scheme)
}

// agentServer is the address of the agent's own server, empty if it has none.
func (p *Pass) agentServer() string {
	if p.agent == nil {
		return ""
	}
	s := p.agent.Server
	host, port, err := net.SplitHostPort(s.BindAddr)
	if !s.Enabled || err != nil || variable(s.BindAddr) {
		return ""
	}
	return canonical(host, port, "tcp")
}
