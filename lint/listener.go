package lint

import (
	"net/url"
	"strconv"

	"lockstep/schemas"
)

// A listener is one of the config, with what many rules ask of it worked out
// once: a JSON pointer and a URL cost more than most rules.
type listener struct {
	*schemas.Listener
	at  string   // its JSON pointer
	url *url.URL // that it forwards to ; nil of a TCP listener and of an addr that is none
}

func newListeners(a *schemas.Agent) []listener {
	all := make([]listener, len(a.Listeners))
	for i := range a.Listeners {
		l := &a.Listeners[i]
		all[i] = listener{Listener: l, at: "/listeners/" + strconv.Itoa(i)}
		if l.Protocol != schemas.ProtocolTCP {
			all[i].url, _ = l.Upstream()
		}
	}
	return all
}
