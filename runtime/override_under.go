package runtime

import (
	"slices"
	"strings"

	"lockstep/schemas"
)

// under returns s with other overrides in force: with keys in the modes that
// they leave, and a new generation of each listener whose callers are judged by
// other keys now. Connections, counters and turns are shared.
func (s *snapshot) under(list []schemas.Override, opts *Options) *snapshot {
	next := *s
	next.override(s.keys, list)
	phases, digests := phasesOf(next.effective), digestKeys(next.effective)
	next.routes = map[string]*route{}
	remade := map[*upstream]*upstream{}
	for endpoint, r := range s.routes {
		own := *r
		if r.auth != nil {
			own.auth = r.auth.inPhases(phases)
			own.upstreams = slices.Clone(r.upstreams)
			for i, u := range own.upstreams {
				own.upstreams[i] = u.judgedBy(own.auth, digests[own.auth.app], opts)
				remade[u] = own.upstreams[i]
			}
		}
		next.routes[endpoint] = &own
	}
	next.listeners, next.byID = nil, map[listenerID]*standing{}
	for _, l := range s.listeners {
		own := *l
		if u := remade[l.upstream]; u != nil {
			own.upstream = u
		}
		next.listeners = append(next.listeners, &own)
		next.byID[l.listenerID] = &own
	}
	return &next
}

// judgedBy is u for callers that are judged by other keys, of which digest is;
// u itself if they are the same.
func (u *upstream) judgedBy(a *auth, digest string, opts *Options) *upstream {
	callers := withKeys(u.callers, digest)
	if callers == u.callers {
		return u
	}
	made := u.backend
	next := newUpstream(u.name, made.spec, made.target, made.pool, u.buffers, opts)
	next.generation = newGeneration(u.listenerID, made, callers, a, u.drain)
	return next
}

// withKeys is what [builder.digestCallers] would give for other keys: their
// digest comes last.
func withKeys(callers, digest string) string {
	return callers[:strings.LastIndexByte(callers, ' ')+1] + digest
}
