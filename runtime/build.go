package runtime

import (
	"errors"
	"fmt"
	"time"

	"lockstep/schemas"
)

// builder turns inputs into a snapshot.
type builder struct {
	opts    *Options
	buffers *buffers

	in      *inputs
	refused map[int]error // by the gate, by the index of the listener in the file
	prev    *snapshot     // nil at first
	snap    *snapshot
	apps    map[string]*appKeys // as of now

	handshakes *handshakes
	overrides  []schemas.Override // those that fit hold
	keyDigests map[string]string  // by app, all of them under ""
	phases     []phase
	drain      *drain
}

// build makes the snapshot that follows prev. It opens nothing. A listener that
// cannot be made is held; whatever else is wrong is reported as an error, with
// its place where it has one.
func (b *builder) build() (*snapshot, error) {
	b.snap = &snapshot{
		grace: b.in.agent.GracePeriod, flush: b.in.policy.Runtime.Flush(), maxEvents: b.in.policy.Runtime.Events.MaxBytes,
		tripwire:  tripLimitsOf(b.in),
		streamAge: time.Duration(b.in.policy.Runtime.MaxStreamAge),
		limits:    b.in.policy.Runtime.Limits, farewell: b.in.policy.Runtime.Farewell(),
		byID: map[listenerID]*standing{}, routes: map[string]*route{}, pools: map[string]*pool{},
	}
	b.agent()
	if err := errors.Join(b.rollout(), b.ingress(), b.connect(), b.listeners()); err != nil {
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
		b.snap.environment, b.snap.rolloutTier, b.snap.rolloutDigest, b.snap.rolloutSeq = r.Environment, r.Tier, r.Digest(), r.Journal.Seq
		if b.prev != nil && (b.prev.environment != r.Environment || b.prev.rolloutTier != r.Tier) {
			return schemas.Hint(
				fmt.Errorf("rollout %s: it is now for %s (%s), this process serves %s (%s)", b.in.rolloutPath,
					r.Environment, r.Tier, b.prev.environment, b.prev.rolloutTier),
				"restart the process to move it, or put the old file back")
		}
	}
	keys, alarms := loadKeys(b.in, prev, b.opts.Getenv)
	b.snap.keys = keys
	b.snap.override(keys, b.snap.fitting(b.overrides))
	keys = b.snap.effective
	b.phases, b.apps, b.keyDigests = phasesOf(keys), groupByApp(keys, b.opts.Now()), digestKeys(keys)
	b.alarm(alarms...)
	b.alarm(b.snap.tripwire.blind(b.opts.Events != "")...)
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

func (b *builder) alarm(causes ...string) { b.snap.alarms = append(b.snap.alarms, causes...) }

// fault is an error placed at a JSON pointer of the config.
func (b *builder) fault(pointer, message, remedy string) error {
	_, span := b.in.checked.Place(pointer)
	return &schemas.Fault{Path: b.in.config.Path, Span: span, Message: message, Remedy: remedy}
}
