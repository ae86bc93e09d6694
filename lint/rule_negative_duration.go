package lint

import "time"

// negativeDuration is H401.
func negativeDuration() Rule {
	return Rule{
		ID:    "H401",
		Slug:  "negative-duration",
		Title: "a timeout has run out before it starts",
		Doc: "The agent takes a negative timeout. A listener then answers every request with 504, " +
			"and with a negative connect.timeout the agent gives up before it has dialled. " +
			"Elsewhere a negative duration means none and is not reported.",
		Levels: alwaysError(),
		Check: func(p *Pass) {
			for at, l := range p.listeners() {
				checkTimeout(p, at, l.Timeout)
			}
			if p.agent != nil {
				checkTimeout(p, "/connect", p.agent.Connect.Timeout)
			}
		},
	}
}

func checkTimeout(p *Pass, at string, timeout time.Duration) {
	if timeout < 0 {
		p.atValue(at+"/timeout", "a negative timeout is over at once", "write a positive one, such as 10s")
	}
}
