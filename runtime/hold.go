package runtime

import (
	"fmt"
	"reflect"
	"slices"

	"lockstep/schemas"
)

// A trial is what becomes of one entry: what it asks for, or why it is held.
type trial struct {
	*entry
	made *backend // nil if err is not
	err  error
}

// held reports whether the listener stays as it was.
func (t *trial) held() bool { return t.err != nil }

// listeners builds all routes. A fault of one listener concerns that listener.
func (b *builder) listeners() error {
	if len(b.in.entries) == 0 {
		return b.fault("/listeners", "no listeners are configured", "add a listener with endpoint_id, addr and timeout")
	}
	var order []string
	trials := map[string][]*trial{}
	place := map[listenerID]int{}
	for i, e := range b.entries() {
		place[e.listenerID] = i
		if b.isTCP(e) {
			b.tcp(e)
			continue
		}
		if trials[e.endpoint] == nil {
			order = append(order, e.endpoint)
		}
		trials[e.endpoint] = append(trials[e.endpoint], b.try(e))
	}
	for _, endpoint := range order {
		b.endpoint(endpoint, trials[endpoint])
	}
	slices.SortStableFunc(b.snap.listeners, func(x, y *standing) int { return place[x.listenerID] - place[y.listenerID] })
	b.checkListen()
	b.alarmStages()
	return nil
}

// entries are those of the file. While nobody knows what one of them is for,
// a listener that seems to be gone may be that one, and is held.
func (b *builder) entries() []*entry {
	entries, lost := b.in.entries, b.in.nameless()
	if lost == nil || b.prev == nil {
		return entries
	}
	listed := map[listenerID]bool{}
	for _, e := range entries {
		listed[e.listenerID] = true
	}
	for _, l := range b.prev.listeners {
		if (l.upstream != nil || l.forward != nil) && !listed[l.listenerID] {
			missing := &entry{listenerID: l.listenerID, index: -1}
			missing.err = b.fault(lost.pointer(), fmt.Sprintf("%s is missing, and this may be it", missing), "write its endpoint_id")
			entries = append(slices.Clip(entries), missing)
		}
	}
	return entries
}

// isTCP reports whether a listener is one of raw TCP from now on. What it was
// before counts where its entry cannot be read, or cannot become what it asks for.
func (b *builder) isTCP(e *entry) bool {
	switch {
	case e.spec == nil:
		return b.lastForward(e.listenerID) != nil
	case e.spec.Protocol == schemas.ProtocolTCP && b.last(e.listenerID) != nil:
		return b.tryTCP(e) == nil
	default:
		return e.spec.Protocol == schemas.ProtocolTCP
	}
}

// tryTCP says why an entry cannot be served as raw TCP, if so.
func (b *builder) tryTCP(e *entry) error {
	policy := b.in.policy.Listeners[e.endpoint]
	_, err := b.forward(e, &policy)
	return err
}

func (b *builder) try(e *entry) *trial {
	t := &trial{entry: e, err: e.err}
	if t.err == nil && e.spec.Protocol == schemas.ProtocolTCP {
		t.err = b.tryTCP(e)
	}
	if t.err == nil {
		t.made, t.err = b.backend(e)
	}
	if t.err == nil {
		t.err = b.refused[e.index]
	}
	return t
}

// endpoint builds the route of an endpoint from its listeners. What is wrong
// with its callers holds them all.
func (b *builder) endpoint(endpoint string, trials []*trial) {
	r, err := b.callersOf(endpoint, trials)
	if err != nil {
		for _, t := range trials {
			if !t.held() {
				t.err = err
			}
		}
		r, err = b.callersBefore(endpoint)
	}
	digest := b.digestCallers(r)
	for _, t := range trials {
		s := &standing{listenerID: t.listenerID, ListenerStatus: ListenerStatus{Name: t.String(), EndpointID: endpoint, Err: t.err}}
		if t.held() {
			s.forward = b.lastForward(t.listenerID) // it was raw TCP
		}
		if made := b.servable(t); made != nil && err == nil {
			b.serve(r, s, made, digest)
		}
		b.snap.listeners = append(b.snap.listeners, s)
		b.snap.byID[s.listenerID] = s
	}
	if endpoint != "" {
		b.snap.routes[endpoint] = r
	}
}

// callersOf settles the callers, and whether they suit the backends.
func (b *builder) callersOf(endpoint string, trials []*trial) (*route, error) {
	var held *trial
	for _, t := range trials {
		if t.held() {
			held = t
		}
	}
	r, err := b.callers(endpoint, held != nil)
	if err != nil {
		return nil, err
	}
	for _, t := range trials {
		if made := b.servable(t); made != nil && r.policy.AppFrom != "" && made.changesTarget() {
			return nil, b.fault(t.pointer()+"/addr",
				"addr has a path or query, and with `app_from: apollo` the app is taken from the request as it comes",
				"leave them out, or name the app in the policy with `app:`")
		}
	}
	if asked, listed := b.in.policy.Listeners[endpoint]; held != nil && listed && !reflect.DeepEqual(asked, r.policy) {
		for _, t := range trials {
			if !t.held() {
				b.alarm(fmt.Sprintf("listener %s: what the policy says of its callers waits until %s is mended", t, held))
			}
		}
	}
	return r, nil
}

// servable is what can be served of a listener: what its entry asks for, or
// what was served before; nil if it was never good.
func (b *builder) servable(t *trial) *backend {
	if !t.held() {
		return t.made
	}
	if last := b.last(t.listenerID); last != nil {
		return last.backend
	}
	return nil
}

// serve puts a backend into a route. It begins a new generation of the
// listener unless nothing about it has changed.
func (b *builder) serve(r *route, s *standing, made *backend, callers string) {
	made = made.staged(b.snap.stageOf(s.endpoint), b.carriedOver, b.handshakes)
	if last := b.last(s.listenerID); last != nil && last.backend == made && last.callers == callers {
		s.upstream = last
		s.Version, s.Updated = b.prev.byID[s.listenerID].Version, b.prev.byID[s.listenerID].Updated
	} else {
		s.upstream = newUpstream(s.Name, made.spec, made.target, made.pool, b.buffers, b.opts)
		s.upstream.generation = newGeneration(s.listenerID, made, callers, r.auth, b.drain)
	}
	r.upstreams = append(r.upstreams, s.upstream)
	if b.opts.Piko && len(r.upstreams) == 1 { // those that share an endpoint are logged as the first
		r.access = newAccess(made.spec, b.opts.Logger)
	}
	b.snap.pools[made.poolKey] = made.pool
}

// last is what has served a listener until now, nil if nothing has.
func (b *builder) last(id listenerID) *upstream {
	if b.prev == nil || id.endpoint == "" {
		return nil
	}
	return b.prev.upstream(id)
}
