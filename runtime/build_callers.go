package runtime

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"sync/atomic"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

// callers settles who may call an endpoint. held tells that a listener of it
// is held.
func (b *builder) callers(endpoint string, held bool) (*route, error) {
	r := &route{endpoint: endpoint, policy: b.policy(endpoint, held), turn: &atomic.Uint32{}}
	if r.policy.Auth != schemas.AuthApollo {
		return r, nil
	}
	var err error
	if r.auth, err = b.auth(&r.policy); err == nil {
		r.instances = newInstances(r.policy.ApolloPublicURL)
		err = b.checkAuth(r)
	}
	if err != nil {
		return nil, fmt.Errorf("policy %s: listener %s: %w", b.in.policyPath, endpoint, err)
	}
	return r, nil
}

// callersBefore goes on with what the policy said of an endpoint before, but
// with the keys of today: a key that is revoked is revoked everywhere.
func (b *builder) callersBefore(endpoint string) (*route, error) {
	r, before := &route{endpoint: endpoint, turn: &atomic.Uint32{}}, b.before(endpoint)
	if before == nil || before.auth == nil {
		return r, nil
	}
	r.policy = before.policy
	var err error
	r.auth, err = b.auth(&r.policy)
	r.instances = newInstances(r.policy.ApolloPublicURL)
	return r, err
}

// policy is what the policy says of an endpoint. One that had to sign and is
// no longer listed goes on as before: as with a subject of the rollout, what
// is weaker has to be spelled out, or half a file would open a listener. So
// does one of which a listener is held, as that goes on as before as a whole.
func (b *builder) policy(endpoint string, held bool) schemas.ListenerPolicy {
	p, listed := b.in.policy.Listeners[endpoint]
	before := b.before(endpoint)
	switch {
	case before == nil || before.auth == nil:
		return p
	case !listed:
		b.alarm(fmt.Sprintf("listener %s is no longer in the policy and stays authenticated; write `auth: none` to open it", endpoint))
		return before.policy
	case held:
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
	case r.auth.at(now).partial() && r.auth.identity[0].Claimed():
		b.alarm(fmt.Sprintf("listener %s: keys are enforced for a share of the clients, and whoever is known by %s first only claims to be somebody and is never refused; begin identity with xff, mtls or peer",
			r.endpoint, r.auth.identity[0].Kind))
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

// digestCallers is over all that decides who may call an endpoint.
func (b *builder) digestCallers(r *route) string {
	if r.auth == nil {
		return ""
	}
	settings := b.in.policy.Runtime
	return fmt.Sprintf("%+v %v %v %s", r.policy, settings.Skew(), settings.TrustedProxies, b.keyDigests[r.auth.app])
}

// digestKeys is over the keys of each app, and under "" over those of all.
func digestKeys(keys []*loadedKey) map[string]string {
	hashes := map[string]hash.Hash{"": sha256.New()}
	for _, k := range keys {
		if k.key == nil {
			continue // no caller is judged by the TLS of an upstream
		}
		app, s := accesskey.FoldApp(k.subject.App), k.state
		if hashes[app] == nil {
			hashes[app] = sha256.New()
		}
		fmt.Fprintf(io.MultiWriter(hashes[app], hashes[""]), "%s %s %s %d %s %d\n",
			k.subject, k.fingerprint, s.Mode, s.Until.UnixNano(), s.Then, s.Share)
	}
	digests := map[string]string{}
	for app, h := range hashes {
		digests[app] = hex.EncodeToString(h.Sum(nil))
	}
	return digests
}
