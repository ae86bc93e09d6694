package runtime

import (
	"fmt"
	"time"

	"lockstep/schemas"
)

// A stage is what the rollout says of the certificates of an endpoint's
// upstreams. The zero value leaves it to the config of each listener.
type stage struct {
	subject string // tls/<endpoint_id>; empty if the rollout does not list it
	state   schemas.RolloutSubject
}

// modeAt is the mode that holds at a moment.
func (s stage) modeAt(now time.Time) schemas.Mode {
	if s.subject == "" {
		return schemas.ModeDisabled
	}
	return s.state.ModeAt(now)
}

// isSet reports whether the stage asks for anything, now or at first.
func (s stage) isSet() bool { return s.subject != "" && s.state.Mode != schemas.ModeDisabled }

// key is of what connections depend on: whoever observes wants to see a
// handshake, and whoever enforces takes no connection from before.
func (s stage) key() string {
	if !s.isSet() {
		return ""
	}
	return fmt.Sprintf("%s %s %d %s", s.subject, s.state.Mode, s.state.Until.UnixNano(), s.state.Then)
}

// stageOf is the stage of an endpoint, in the mode that is served.
func (s *snapshot) stageOf(endpoint string) stage {
	for _, k := range s.effective {
		if endpoint != "" && k.subject.Endpoint == endpoint {
			return stage{subject: k.subject.String(), state: k.state}
		}
	}
	return stage{}
}

// staged is m at a stage, with connections of which find has the pool if there
// is one; m itself if it is there already. An upstream without TLS has no stage.
func (m *backend) staged(s stage, find func(key string) *pool, seen *handshakes) *backend {
	if m.config == nil {
		s = stage{}
	}
	key := m.upstream + " " + s.key()
	if m.pool != nil && m.poolKey == key {
		return m
	}
	next := *m
	next.stage, next.poolKey, next.handshakes = s, key, seen
	if next.pool = find(key); next.pool != nil {
		return &next
	}
	next.pool = newPool(m.target, m.spec, m.config.Clone()) // a transport adds its protocols to it
	if s.isSet() {
		d := next.tlsDialer()
		next.pool.transport.DialTLSContext = d.dialer("h2", "http/1.1")
		next.pool.other.DialTLSContext = d.dialer("http/1.1")
	}
	return &next
}

// insecure reports whether any certificate of the upstream would do at a
// moment: neither the config nor the rollout wants it verified.
func (m *backend) insecure(now time.Time) bool {
	return m.config != nil && m.config.InsecureSkipVerify && m.stage.modeAt(now) != schemas.ModeEnforce
}

// alarmStages names the subjects of the rollout that no upstream is for.
func (b *builder) alarmStages() {
	spoken := map[string]bool{}
	for _, l := range b.snap.listeners {
		if l.upstream != nil && l.upstream.backend.config != nil {
			spoken[l.endpoint] = true
		}
	}
	for _, k := range b.snap.effective {
		if k.subject.Endpoint != "" && k.state.Mode != schemas.ModeDisabled && !spoken[k.subject.Endpoint] {
			b.alarm(fmt.Sprintf("%s verifies nothing: no listener of that endpoint has an upstream with https", k.subject))
		}
	}
}
