package runtime

import (
	"time"

	"lockstep/schemas"
)

// snapshot is everything the data plane needs, complete and not modified
// after it was built. What is equal in two snapshots in a row is shared: keys
// that stayed and connections to upstreams that did not change.
type snapshot struct {
	version Version
	inputs  []string // paths of all files it was made from
	alarms  []string

	grace time.Duration // for requests under way at the end
	flush time.Duration // between two heartbeats

	maxEvents int64 // bytes of an event log, after which a new one is begun; 0: no limit

	environment   string // empty without a rollout
	rolloutTier   schemas.Tier
	rolloutDigest string
	keys          []*loadedKey // by subject

	routes map[string]*route // by endpoint id
	pools  map[string]*pool  // by what their connections depend on
}

// states says what is loaded and holds now, for the heartbeat.
func (s *snapshot) states(now time.Time) []schemas.SubjectState {
	states := make([]schemas.SubjectState, len(s.keys))
	for i, k := range s.keys {
		states[i] = schemas.SubjectState{Subject: k.subject.String(), Mode: k.state.ModeAt(now), Fingerprint: k.fingerprint}
	}
	return states
}

// retire closes the connections that next does not go on using.
func (s *snapshot) retire(next *snapshot) {
	for key, p := range s.pools {
		if next.pools[key] != p {
			p.retire()
		}
	}
}
