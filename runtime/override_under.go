package runtime

import (
	"slices"
	"strings"

	"lockstep/schemas"
)

// under returns s with other overrides in force: with keys in the modes that
// they leave, and a new generation of each listener whose callers are judged by
// other keys now, or whose upstream is verified otherwise. All other
// connections, counters and turns are shared.
func (s *snapshot) under(list []schemas.Override, opts *Options) *snapshot {
	next := *s
	next.override(s.keys, list)
	phases, digests := phasesOf(next.effective), digestKeys(next.effective)
	next.routes, next.pools = map[string]*route{}, map[string]*pool{}
	remade := map[*upstream]*upstream{}
	for endpoint, r := range s.routes {
		own := *r
		digest := ""
		if r.auth != nil {
			own.auth = r.auth.inPhases(phases)
			digest = digests[own.auth.app]
		}
		own.upstreams = slices.Clone(r.upstreams)
		for i, u := range own.upstreams {
			made := u.backend.staged(next.stageOf(endpoint), s.pool, u.backend.handshakes)
			own.upstreams[i] = u.judgedBy(made, own.auth, digest, opts)
			remade[u] = own.upstreams[i]
			next.pools[made.poolKey] = made.pool
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

// judgedBy is u with another backend, for callers that are judged by other
// keys, of which digest is; u itself if all is the same.
func (u *upstream) judgedBy(made *backend, a *auth, digest string, opts *Options) *upstream {
	callers := u.callers
	if a != nil {
		callers = withKeys(callers, digest)
	}
	if callers == u.callers && made == u.backend {
		return u
	}
	next := newUpstream(u.name, made.spec, made.target, made.pool, u.buffers, opts)
	next.generation = newGeneration(u.listenerID, made, callers, a, u.drain)
	return next
}

// withKeys is what [builder.digestCallers] would give for other keys: their
// digest comes last.
func withKeys(callers, digest string) string {
	return callers[:strings.LastIndexByte(callers, ' ')+1] + digest
}
