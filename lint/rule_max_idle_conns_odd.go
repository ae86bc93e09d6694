package lint

import "lockstep/schemas"

// maxIdleConnsOdd is H406.
func maxIdleConnsOdd() Rule {
	return Rule{
		ID:    "H406",
		Slug:  "max-idle-conns-odd",
		Title: "max_idle_conns does not mean what its number says",
		Doc: "The agent reads 0 as its default of 100 and -1 as no limit at all. Any other negative number closes every connection " +
			"after its request, and the next request has to connect and shake hands again.",
		Levels: schemas.Levels{
			schemas.TierDevelopment: schemas.LevelInfo,
			schemas.TierStaging:     schemas.LevelWarning,
			schemas.TierProduction:  schemas.LevelWarning,
		},
		Admit: true,
		Check: func(p *Pass) {
			for at, l := range p.listeners() {
				if l.Protocol != schemas.ProtocolHTTP {
					continue
				}
				pointer := at + "/http_client/max_idle_conns"
				if n, set := p.checked.Int(pointer); set && n <= 0 {
					p.atValue(pointer, meaningOf(n), "write how many idle connections may be kept, such as 100")
				}
			}
		},
	}
}

// meaningOf says what the agent makes of a number that is not positive.
func meaningOf(maxIdleConns int) string {
	switch maxIdleConns {
	case 0:
		return "max_idle_conns: 0 means the default, 100"
	case -1:
		return "max_idle_conns: -1 means no limit"
	}
	return "a negative max_idle_conns keeps no connection open"
}
