package lint

import "lockstep/schemas"

// Served are the endpoints of configs, and whether an upstream of each speaks
// TLS, as far as can be told: what only the environment knows may.
type Served map[string]bool

// endpoints is what there is of one config, nil if that cannot be told.
func (p *Pass) endpoints() Served {
	if p.agent == nil {
		return nil
	}
	all := Served{}
	for _, l := range p.listeners() {
		if variable(l.EndpointID) {
			return nil
		}
		encrypted := l.Protocol == schemas.ProtocolHTTP && (variable(l.Addr) || l.url != nil && l.url.Scheme == "https")
		all[l.EndpointID] = all[l.EndpointID] || encrypted
	}
	return all
}

// ServedBy are the endpoints of all configs among reports. It is nil if there
// is no config, or one whose endpoints are not known.
func ServedBy(reports []*Report) Served {
	var all Served
	for _, r := range reports {
		switch {
		case r.Kind != schemas.KindAgent:
			continue
		case r.Served == nil:
			return nil
		case all == nil:
			all = Served{}
		}
		for endpoint, encrypted := range r.Served {
			all[endpoint] = all[endpoint] || encrypted
		}
	}
	return all
}
