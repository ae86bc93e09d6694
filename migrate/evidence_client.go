package migrate

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"lockstep/schemas"
)

// A ClientRow is what the evidence says of one client under one subject.
// Requests that passed are under the key that matched, key/<app>/<id>; those
// that failed are under key/<app>.
type ClientRow struct {
	Subject string                    `json:"subject"`
	App     string                    `json:"app"`
	Client  string                    `json:"client"`
	How     schemas.How               `json:"how"`
	OK      uint64                    `json:"ok"`
	Fail    uint64                    `json:"fail"`
	Reasons map[schemas.Reason]uint64 `json:"reasons"`
	First   time.Time                 `json:"first"`
	Last    time.Time                 `json:"last"`
	Days    int                       `json:"days"` // with traffic
}

// Clients yields the clients by subject, name and how they are known.
func (e *Evidence) Clients() iter.Seq[ClientRow] {
	return func(yield func(ClientRow) bool) {
		sums, span, memory := newClientSums(), tallySpan{}, spanMemory{}
		for load, err := range spansOf(context.Background(), e.source) {
			if err == nil {
				span, err = load(&memory)
			}
			if err != nil {
				e.failed = errors.Join(e.failed, err)
				return
			}
			for c := range sums.of(span) {
				if !yield(c.row()) {
					return
				}
			}
		}
	}
}

// A clientSum is what a [ClientRow] says, before it is put into words.
type clientSum struct {
	subject, app    string
	who             clientKey
	ok, fail        uint64
	reasons         []reasonCount // in order
	firstMS, lastMS int64
	days            int
}

// A reasonCount is how many requests failed for a reason.
type reasonCount struct {
	reason schemas.Reason
	count  uint64
}

func (c *clientSum) row() ClientRow {
	row := ClientRow{
		Subject: c.subject, App: c.app, Client: c.who.name, How: c.who.how, OK: c.ok, Fail: c.fail,
		Reasons: make(map[schemas.Reason]uint64, len(c.reasons)), First: utc(c.firstMS), Last: utc(c.lastMS), Days: c.days,
	}
	for _, r := range c.reasons {
		row.Reasons[r.reason] = r.count
	}
	return row
}

// clientSums sums up the tallies of one client after the other.
type clientSums struct {
	client clientSum
	texts  *tallyTexts       // of whose tallies these are
	rests  []restSum         // by their numbers
	days   map[string]uint32 // numbers, from 1 on
	seen   []uint64          // how manieth client has come on a day last, by its number
	count  uint64            // of clients
}

// A restSum is what the rest of a key says of a client.
type restSum struct {
	ok, fail bool
	day      uint32 // its number; 0 if the rest has not come yet
}

func newClientSums() *clientSums {
	return &clientSums{days: map[string]uint32{}, seen: make([]uint64, 1)}
}

// of yields the clients of a span. Each of them is good until the next one.
func (s *clientSums) of(span tallySpan) iter.Seq[*clientSum] {
	return func(yield func(*clientSum) bool) {
		if s.texts != span.texts {
			s.texts = span.texts
			s.rests = slices.Grow(s.rests[:0], len(s.texts.rests))[:len(s.texts.rests)]
			clear(s.rests)
		}
		for tallies := range span.each() {
			s.begin(span.who(&tallies[0]))
			for i := range tallies {
				s.add(&tallies[i])
			}
			if !yield(&s.client) {
				return
			}
		}
	}
}

func (s *clientSums) begin(subject string, who clientKey) {
	app := s.client.app
	if s.count == 0 || subject != s.client.subject {
		parsed, err := schemas.ParseSubject(subject)
		if app = parsed.App; err != nil {
			app = "" // other dialects may know subjects that are no keys
		}
	}
	s.client = clientSum{subject: subject, app: app, who: who, reasons: s.client.reasons[:0]}
	s.count++
}

func (s *clientSums) add(e *tallyEntry) {
	c, rest := &s.client, &s.rests[e.rest]
	if rest.day == 0 {
		*rest = s.newRest(&s.texts.rests[e.rest])
	}
	c.see(e.firstMS, e.lastMS)
	switch {
	case rest.ok:
		c.ok = schemas.SumCounts(c.ok, e.count)
	case rest.fail:
		c.fail = schemas.SumCounts(c.fail, e.count)
		c.failed(s.texts.rests[e.rest].Reason, e.count)
	}
	if s.seen[rest.day] != s.count {
		s.seen[rest.day] = s.count
		c.days++
	}
}

func (s *clientSums) newRest(key *schemas.TallyKey) restSum {
	if s.days[key.Day] == 0 {
		s.days[key.Day] = uint32(len(s.seen)) //nolint:gosec // days
		s.seen = append(s.seen, 0)
	}
	return restSum{key.Outcome == schemas.OutcomeOK, key.Outcome == schemas.OutcomeFail, s.days[key.Day]}
}

// see widens the time of the client; a moment of 0 is none.
func (c *clientSum) see(first, last int64) {
	if first != 0 && (c.firstMS == 0 || first < c.firstMS) {
		c.firstMS = first
	}
	if last != 0 && (c.lastMS == 0 || last > c.lastMS) {
		c.lastMS = last
	}
}

// failed counts failures; those of one reason come one after the other.
func (c *clientSum) failed(reason schemas.Reason, count uint64) {
	if n := len(c.reasons); n > 0 && c.reasons[n-1].reason == reason {
		c.reasons[n-1].count = schemas.SumCounts(c.reasons[n-1].count, count)
		return
	}
	c.reasons = append(c.reasons, reasonCount{reason, count})
}
