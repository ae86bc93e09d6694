package runtime

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// What handshakes with upstreams may take of the memory.
const (
	maxHandshakes = 10_000
	maxSightings  = 10_000
)

// How often a chain is told of again, and when it is forgotten. Whoever reads
// the log wants to know what is in use, hour by hour.
const (
	sightingTold = 30 * time.Minute
	sightingAge  = 2 * time.Hour
)

// handshakes counts those with upstreams that the rollout stages: one tally a
// handshake, and a detail for each chain that an address has shown.
type handshakes struct {
	now    func() time.Time
	logger *slog.Logger
	count  *prometheus.CounterVec

	mu        sync.Mutex
	recording bool // somebody takes what was counted
	tallies   map[tallyKey]*classTally
	sightings map[sighted]*chainSighting
}

// sighted tells sightings apart.
type sighted struct {
	subject, address, leaf string
	mode                   schemas.Mode
	reason                 schemas.Reason
	refused                bool
}

// A chainSighting is a chain that an address has shown, or that it has shown
// none.
type chainSighting struct {
	chain        []schemas.EventCertificate
	last         time.Time
	told, pended time.Time // in the event log; when it was handed over for it
}

func newHandshakes(opts *Options, m *metrics) *handshakes {
	return &handshakes{
		now: opts.Now, logger: opts.Logger, count: m.handshakes,
		tallies: map[tallyKey]*classTally{}, sightings: map[sighted]*chainSighting{},
	}
}

// record has handshakes be counted from now on, as somebody will take them.
func (h *handshakes) record() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.recording = true
}

// note counts a handshake, unless it was given up or nobody staged it.
func (h *handshakes) note(s *handshake) {
	if s.mode == schemas.ModeDisabled || errors.Is(s.err, context.Canceled) {
		return
	}
	h.count.WithLabelValues(strings.TrimPrefix(s.subject, "tls/"), string(s.mode), string(s.reason)).Inc()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.see(s) && s.reason != schemas.ReasonNone {
		h.logger.Warn("an upstream does not verify", "subject", s.subject, "mode", s.mode,
			"address", s.address, "reason", s.reason)
	}
	if h.recording {
		h.tally(s)
	}
}

func (h *handshakes) tally(s *handshake) {
	ms := s.at.UnixMilli()
	key := tallyKey{
		subject: s.subject, client: s.address, how: schemas.HowVerified,
		outcome: schemas.OutcomeOK, reason: s.reason, day: ms / dayMS,
	}
	class := passes
	if s.reason != schemas.ReasonNone {
		key.outcome, class = schemas.OutcomeFail, failures
	}
	if h.tallies[key] == nil && len(h.tallies) >= maxHandshakes {
		key.client = schemas.OverflowClient
	}
	if h.tallies[key] == nil {
		h.tallies[key] = &classTally{class: class}
	}
	h.tallies[key].Add(ms)
}

// see notes what an address has shown; it is news if it never did before.
func (h *handshakes) see(s *handshake) (news bool) {
	key := sighted{subject: s.subject, address: s.address, mode: s.mode, reason: s.reason, refused: s.refused}
	if len(s.chain) > 0 {
		key.leaf = certs.Fingerprint(s.chain[0])
	}
	seen := h.sightings[key]
	if seen == nil {
		if len(h.sightings) >= maxSightings {
			return false
		}
		seen, news = &chainSighting{}, true
		h.sightings[key] = seen
	}
	seen.last, seen.chain = s.at, nil
	for _, c := range s.chain[:min(len(s.chain), schemas.MaxChain)] {
		seen.chain = append(seen.chain, schemas.EventCertificate{SHA256: certs.Fingerprint(c), NotAfterMS: c.NotAfter.UnixMilli()})
	}
	return news
}

// take hands over all tallies and begins anew.
func (h *handshakes) take(visit func(tallyKey, *classTally)) {
	h.mu.Lock()
	tallies := h.tallies
	h.tallies = map[tallyKey]*classTally{}
	h.mu.Unlock()
	for key, tally := range tallies {
		visit(key, tally)
	}
}

// details are those that are to be told at a moment, and forgets what nobody
// has shown for long.
func (h *handshakes) details(at time.Time) (keys []sighted, events []schemas.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, seen := range h.sightings {
		if at.Sub(seen.last) > sightingAge {
			delete(h.sightings, key)
			continue
		}
		if !seen.last.After(seen.told) || at.Sub(seen.told) < sightingTold {
			continue
		}
		seen.pended = seen.last
		keys, events = append(keys, key), append(events, key.event(seen))
	}
	return keys, events
}

// event is the detail of a sighting.
func (k sighted) event(seen *chainSighting) schemas.Event {
	e := schemas.Event{
		Kind: schemas.EventDetail, TimeMS: seen.last.UnixMilli(), Subject: k.subject, Client: k.address, How: schemas.HowVerified,
		Outcome: schemas.OutcomeOK, Reason: k.reason, Endpoint: strings.TrimPrefix(k.subject, "tls/"), Mode: k.mode,
		Refused: k.refused, Chain: seen.chain,
	}
	if k.reason != schemas.ReasonNone {
		e.Outcome = schemas.OutcomeFail
	}
	return e
}

// told notes what is in the event log.
func (h *handshakes) told(keys []sighted) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, key := range keys {
		if seen := h.sightings[key]; seen != nil {
			seen.told = seen.pended
		}
	}
}

// writeHandshakes writes which certificates were shown. What could not be
// written is tried again.
func (r *recorder) writeHandshakes(at time.Time) {
	keys, events := r.handshakes.details(at)
	for i := range events {
		events[i].Environment, events[i].Node = r.current.Load().environment, r.opts.Node
	}
	written, _ := r.write(events) // the error is logged
	r.handshakes.told(keys[:written])
}
