package runtime

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// A forward is what a listener with protocol tcp asks for. As at a Piko
// agent, whatever TLS there is passes through it.
type forward struct {
	listen    string // address of its own, from the policy; empty: it is served through Piko alone
	addr      string // host:port of the upstream
	timeout   time.Duration
	keepAlive time.Duration
}

// tcp adds a listener with protocol tcp. One for which the policy has no
// address is not served but through Piko, and no fault: its config says
// nothing of one.
func (b *builder) tcp(e *entry) {
	policy := b.in.policy.Listeners[e.endpoint]
	if policy.Listen == "" && !b.opts.Piko && b.lastForward(e.listenerID) == nil {
		b.alarm(fmt.Sprintf("listener %s: tcp is served at an address of its own, and the policy has none; write `listen:`", e))
		b.snap.idle = append(b.snap.idle, e.String())
		return
	}
	s := &standing{listenerID: e.listenerID, ListenerStatus: ListenerStatus{Name: e.String(), EndpointID: e.endpoint}}
	if s.forward, s.Err = b.forward(e, &policy); s.Err != nil {
		s.forward = b.lastForward(e.listenerID)
	}
	b.snap.listeners = append(b.snap.listeners, s)
	b.snap.byID[s.listenerID] = s
}

// forward checks what an entry and the policy ask for.
func (b *builder) forward(e *entry, policy *schemas.ListenerPolicy) (*forward, error) {
	if err := errors.Join(e.err, b.refused[e.index]); err != nil {
		return nil, err
	}
	addr, ok := e.spec.HostPort()
	switch {
	case e.endpoint == "":
		return nil, b.fault(e.pointer(), "endpoint_id is missing", "name the endpoint that is served")
	case e.spec.Timeout == 0:
		return nil, b.fault(e.pointer(), "timeout is missing", "write how long connecting may take, such as `timeout: 10s`")
	case !ok:
		return nil, b.fault(e.pointer()+"/addr", "addr is no address", "write a port or host:port")
	case policy.Listen == "" && !b.opts.Piko:
		return nil, fmt.Errorf("policy %s: listener %s: listen is missing", b.in.policyPath, e.endpoint)
	case policy.Auth == schemas.AuthApollo:
		return nil, b.fault(e.pointer()+"/protocol", "the policy has callers sign, which they cannot over tcp", "serve http, or write `auth: none` in the policy")
	}
	if _, err := certs.ClientConfig(e.spec.TLS, b.in.ReadFile); err != nil { // which the agent reads, too
		return nil, b.certFaults(e.pointer()+"/tls", err)
	}
	return &forward{listen: policy.Listen, addr: addr, timeout: e.spec.Timeout, keepAlive: e.spec.HTTPClient.KeepAliveTimeout}, nil
}

// lastForward is what has served a listener until now, nil if nothing has.
func (b *builder) lastForward(id listenerID) *forward {
	if b.prev == nil || b.prev.byID[id] == nil {
		return nil
	}
	return b.prev.byID[id].forward
}

// checkListen has nobody wait for connections at an address that a listener
// with another protocol does not use.
func (b *builder) checkListen() {
	for _, endpoint := range slices.Sorted(maps.Keys(b.in.policy.Listeners)) {
		if b.in.policy.Listeners[endpoint].Listen == "" {
			continue
		}
		if !slices.ContainsFunc(b.in.entries, func(e *entry) bool {
			return e.endpoint == endpoint && (e.spec == nil || e.spec.Protocol == schemas.ProtocolTCP)
		}) {
			b.alarm(fmt.Sprintf("listener %s: the policy has an address for it, and its protocol is not tcp; nobody listens there", endpoint))
		}
	}
}
