package runtime

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/accesskey"
	"lockstep/internal/certs"
	"lockstep/schemas"
)

// builder turns inputs into a snapshot.
type builder struct {
	opts    *Options
	buffers *buffers

	in   *inputs
	prev *snapshot // nil at first
	snap *snapshot
	apps map[string]*appKeys // as of now

	phases []phase
}

// build makes the snapshot that follows prev. It opens nothing. Every reason
// why it cannot be made is reported, with its place where it has one.
func build(opts *Options, bufs *buffers, in *inputs, prev *snapshot) (*snapshot, error) {
	b := &builder{opts: opts, buffers: bufs, in: in, prev: prev, snap: &snapshot{
		grace: in.agent.GracePeriod, flush: in.policy.Runtime.Flush(), maxEvents: in.policy.Runtime.Events.MaxBytes,
		routes: map[string]*route{}, pools: map[string]*pool{},
	}}
	if err := errors.Join(b.rollout(), b.listeners()); err != nil {
		return nil, err
	}
	return b.snap, nil
}

// rollout takes over environment and keys. A process belongs to one
// environment of one tier until it ends: events of two must not mix, nor may
// an edit lower what is demanded.
func (b *builder) rollout() error {
	var prev []*loadedKey
	if b.prev != nil {
		prev = b.prev.keys
	}
	if r := b.in.rollout; r != nil {
		b.snap.environment, b.snap.rolloutTier, b.snap.rolloutDigest = r.Environment, r.Tier, r.Digest()
		if b.prev != nil && (b.prev.environment != r.Environment || b.prev.rolloutTier != r.Tier) {
			return schemas.Hint(
				fmt.Errorf("rollout %s: it is now for %s (%s), this process serves %s (%s)", b.in.rolloutPath,
					r.Environment, r.Tier, b.prev.environment, b.prev.rolloutTier),
				"restart the process to move it, or put the old file back")
		}
	}
	keys, alarms := loadKeys(b.in, prev, b.opts.Getenv)
	b.snap.keys, b.phases, b.apps = keys, phasesOf(keys), groupByApp(keys, b.opts.Now())
	b.alarm(alarms...)
	return nil
}

// tier is the one that command line, policy and rollout agree on. If all are
// silent, the policy's globs speak.
func tier(opts *Options, in *inputs) (schemas.Tier, error) {
	claims := []schemas.TierClaim{{Source: "--tier", Tier: opts.Tier}}
	if r := in.rollout; r != nil {
		claims = append(claims,
			schemas.TierClaim{Source: "policy " + in.policyPath, Tier: in.policy.Environments[r.Environment].Tier},
			schemas.TierClaim{Source: "rollout " + in.rolloutPath, Tier: r.Tier})
	}
	agreed, err := schemas.AgreeOnTier(claims...)
	if err != nil {
		return "", fmt.Errorf("tier: %w", err)
	}
	if agreed == "" {
		agreed = in.policy.TierOf(opts.Config)
	}
	return agreed, nil
}

// listeners builds all routes.
func (b *builder) listeners() error {
	agent := b.in.agent
	if len(agent.Listeners) == 0 {
		return b.fault("/listeners", "no listeners are configured", "add a listener with endpoint_id, addr and timeout")
	}
	var errs []error
	for i, name := range agent.Names() {
		l := &agent.Listeners[i]
		if l.Protocol == schemas.ProtocolTCP {
			b.alarm(fmt.Sprintf("listener %s: tcp is not served by this version", name))
			continue
		}
		if err := b.listener(i, name, l); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// listener adds one listener to the route of its endpoint.
func (b *builder) listener(i int, name string, l *schemas.Listener) error {
	at := fmt.Sprintf("/listeners/%d", i)
	target, ok := l.Upstream()
	switch {
	case l.EndpointID == "":
		return b.fault(at, "endpoint_id is missing", "name the endpoint that is served")
	case l.Protocol != schemas.ProtocolHTTP:
		return b.fault(at+"/protocol", "protocol is neither http nor tcp", "write one of them, or leave it out for http")
	case l.Timeout == 0:
		return b.fault(at, "timeout is missing", "write how long an upstream may take, such as `timeout: 10s`")
	case !ok:
		return b.fault(at+"/addr", "addr is no address", "write a port, host:port or URL")
	case strings.HasPrefix(target.EscapedPath(), "//"):
		return b.fault(at+"/addr", "the path of addr begins with two slashes", "write one")
	}
	config, err := b.tlsConfig(at, target.Scheme, l)
	if err != nil {
		return err
	}
	key := poolKey(name, target, l, b.in)
	p := b.carriedOver(key)
	if p == nil {
		p = newPool(l, config)
	}
	b.snap.pools[key] = p
	r, err := b.route(l.EndpointID)
	if err != nil {
		return err
	}
	if r.policy.AppFrom != "" && (strings.Trim(target.EscapedPath(), "/") != "" || target.RawQuery != "") {
		return b.fault(at+"/addr", "addr has a path or query, and with `app_from: apollo` the app is taken from the request as it comes",
			"leave them out, or name the app in the policy with `app:`")
	}
	r.upstreams = append(r.upstreams, newUpstream(name, l, target, p, b.buffers, b.opts))
	r.insecure = r.insecure || (config != nil && config.InsecureSkipVerify)
	return nil
}

func (b *builder) carriedOver(key string) *pool {
	if b.prev == nil {
		return nil
	}
	return b.prev.pools[key]
}

// tlsConfig reads the TLS files of a listener, also where Piko reads them
// only to refuse bad ones; they are used for https alone.
func (b *builder) tlsConfig(at, scheme string, l *schemas.Listener) (*tls.Config, error) {
	config, err := certs.ClientConfig(l.TLS, b.in.ReadFile)
	if err != nil {
		return nil, b.certFaults(at+"/tls", err)
	}
	if scheme != "https" {
		return nil, nil //nolint:nilnil // plain HTTP needs none
	}
	return config, nil
}

// certFaults places each of the joined faults at the field it is about.
func (b *builder) certFaults(at string, err error) error {
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	for i, e := range all {
		if f := (*certs.Fault)(nil); errors.As(e, &f) {
			all[i] = b.certFault(at, f)
		}
	}
	return errors.Join(all...)
}

// route returns the route of an endpoint, made the first time it is asked for.
func (b *builder) route(endpoint string) (*route, error) {
	if r := b.snap.routes[endpoint]; r != nil {
		return r, nil
	}
	r := &route{endpoint: endpoint, policy: b.policy(endpoint)}
	if r.policy.Auth == schemas.AuthApollo {
		var err error
		if r.auth, err = b.auth(&r.policy); err == nil {
			err = b.checkAuth(r)
		}
		if err != nil {
			return nil, fmt.Errorf("policy %s: listener %s: %w", b.in.policyPath, endpoint, err)
		}
	}
	b.snap.routes[endpoint] = r
	return r, nil
}

// policy is what the policy says of an endpoint. One that had to sign and is
// no longer listed goes on as before: as with a subject of the rollout, what
// is weaker has to be spelled out, or half a file would open a listener.
func (b *builder) policy(endpoint string) schemas.ListenerPolicy {
	p, listed := b.in.policy.Listeners[endpoint]
	if before := b.before(endpoint); !listed && before != nil && before.auth != nil {
		b.alarm(fmt.Sprintf("listener %s is no longer in the policy and stays authenticated; write `auth: none` to open it", endpoint))
		return before.policy
	}
	return p
}

// before is the route that served an endpoint until now, nil if there was none.
func (b *builder) before(endpoint string) *route {
	if b.prev == nil {
		return nil
	}
	return b.prev.routes[endpoint]
}

// checkAuth makes sure that somebody's keys are asked for, and that another
// app in the policy does not open a listener whose keys are enforced.
func (b *builder) checkAuth(r *route) error {
	before, now := b.before(r.endpoint), b.opts.Now()
	moved := before != nil && before.auth != nil && (before.policy.App != r.policy.App || before.policy.AppFrom != r.policy.AppFrom)
	switch {
	case moved && before.auth.at(now).strict() && !r.auth.at(now).strict():
		return schemas.Hint(errors.New("its keys were enforced, and those of the app it names now are not"),
			"enforce a key of that app first, or roll back the keys that are enforced")
	case b.in.rollout == nil:
		b.alarm(fmt.Sprintf("listener %s: there is no rollout, so no key is asked for", r.endpoint))
	case r.auth.app != "" && b.apps[r.auth.app] == nil:
		b.alarm(fmt.Sprintf("listener %s: the rollout observes and enforces no key of app %s, so none is asked for", r.endpoint, r.policy.App))
	}
	return nil
}

func (b *builder) auth(p *schemas.ListenerPolicy) (*auth, error) {
	identity, err := p.IdentitySources()
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	proxies, err := b.in.policy.Runtime.Proxies()
	if err != nil {
		return nil, err //nolint:wrapcheck // it names its key
	}
	a := auth{
		app: accesskey.FoldApp(p.App), methods: map[string]bool{},
		allow: strings.Join(p.AllowedMethods(), ", "), tolerance: b.in.policy.Runtime.Skew(),
		headers: p.Strict, replay: cmp.Or(p.Replay, schemas.ReplayCount),
		identity: identity, proxies: proxies,
	}
	for _, m := range p.AllowedMethods() {
		a.methods[m] = true
	}
	return a.inPhases(b.phases), nil
}

func (b *builder) alarm(causes ...string) { b.snap.alarms = slices.Concat(b.snap.alarms, causes) }

// fault is an error placed at a JSON pointer of the config.
func (b *builder) fault(pointer, message, remedy string) error {
	checked, err := checkAgent(b.in.config)
	if err != nil {
		return errors.Join(errors.New(message), err)
	}
	_, span := checked.Place(pointer)
	return &schemas.Fault{Path: b.in.config.Path, Span: span, Message: message, Remedy: remedy}
}

// certFault places a fault of the TLS files named at a JSON pointer.
func (b *builder) certFault(at string, f *certs.Fault) error {
	checked, err := checkAgent(b.in.config)
	if err != nil {
		return errors.Join(f, err)
	}
	return b.fault(at+"/"+f.Field, f.Shown(checked, at).Error(), strings.Join(schemas.Hints(f), "; "))
}

// checkAgent finds the places in a config.
func checkAgent(config *schemas.Document) (*schemas.Checked, error) {
	schema, err := schemas.Compile(schemas.KindAgent)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the schema
	}
	return schema.Check(config), nil
}
