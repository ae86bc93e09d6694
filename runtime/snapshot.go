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
	admin   schemas.AdminPolicy // who may control the process over TCP

	unsettled string // what is wrong with the TLS files of the ingress: one may have yet to follow

	limits   schemas.Limits
	tls      *serverTLS    // of the ingress; nil: plain HTTP
	farewell time.Duration // see [ingress.leave]

	server string // address of the agent's server, empty if there is none; see [Server.opsAddr]

	grace time.Duration // for requests under way at the end
	flush time.Duration // between two heartbeats

	maxEvents int64 // bytes of an event log, after which a new one is begun; 0: no limit

	environment   string // empty without a rollout
	rolloutTier   schemas.Tier
	rolloutDigest string
	rolloutSeq    uint64             // of the journal
	keys          []*loadedKey       // by subject, in the modes of the rollout
	effective     []*loadedKey       // the same in the modes that are served
	overrides     []schemas.Override // in force
	tripwire      tripLimits

	streamAge time.Duration // of streams whose admission was taken back; 0: any

	listeners []*standing              // in the order of the file
	idle      []string                 // those that nobody can reach, which are not among them
	byID      map[listenerID]*standing // the same
	routes    map[string]*route        // by endpoint id
	pools     map[string]*pool         // by what their connections depend on
	tcp       map[string]*tcpRoute     // by the address that is listened on
	piko      *registration            // nil: they are registered nowhere
}

// A standing is what became of one listener of the config.
type standing struct {
	listenerID
	ListenerStatus
	upstream *upstream // what is served; nil if it was never good
	forward  *forward  // the same, with protocol tcp
}

// upstream is what is served of a listener, nil if nothing is.
func (s *snapshot) upstream(id listenerID) *upstream {
	if l := s.byID[id]; l != nil {
		return l.upstream
	}
	return nil
}

// pool is that of a key, nil if there is none.
func (s *snapshot) pool(key string) *pool { return s.pools[key] }

// stamp makes the snapshot a version, of which the listeners that it changes
// take the number.
func (s *snapshot) stamp(v Version) {
	s.version = v
	for _, l := range s.listeners {
		if (l.upstream != nil || l.forward != nil) && l.Version == 0 {
			l.Version, l.Updated = v.Number, v.Applied
		}
		if l.Attempt = l.Updated; l.Err != nil {
			l.Attempt = v.Applied
		}
	}
}

// status is what there is to say while the snapshot is served; err is why a
// later version is not.
func (s *snapshot) status(attempt time.Time, err error) *Status {
	status := &Status{Good: s.version, Alarms: s.alarms, Attempt: attempt, Err: err, Idle: s.idle}
	for _, l := range s.listeners {
		status.Listeners = append(status.Listeners, l.ListenerStatus)
	}
	return status
}

// held lists the listeners for which something else is served than the files
// ask for.
func (s *snapshot) held() []*standing {
	var held []*standing
	for _, l := range s.listeners {
		if l.Err != nil {
			held = append(held, l)
		}
	}
	return held
}

// worseThan reports whether a listener is held that old did not hold, or the
// certificate of the ingress. That the fault of a listener reads otherwise now
// is no news: it may have moved down a line.
func (s *snapshot) worseThan(old *snapshot) bool {
	if s.unsettled != "" && s.unsettled != old.unsettled {
		return true
	}
	for _, l := range s.held() {
		if before := old.byID[l.listenerID]; before == nil || before.Err == nil {
			return true
		}
	}
	return false
}

// states says what is loaded and holds now, for the heartbeat.
func (s *snapshot) states(now time.Time) []schemas.SubjectState {
	states := make([]schemas.SubjectState, len(s.effective))
	for i, k := range s.effective {
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
