package migrate

import (
	"context"
	"iter"
	"math/bits"
	"time"

	"lockstep/schemas"
)

// A mapTallies holds tallies in no order, which the gate must not depend on.
type mapTallies map[schemas.TallyKey]schemas.Tally

func (m mapTallies) rows(context.Context) iter.Seq2[tallyRow, error] {
	return func(yield func(tallyRow, error) bool) {
		for key, tally := range m {
			if !yield(tallyRow{TallyKey: key, Tally: tally}, nil) {
				return
			}
		}
	}
}

func (m mapTallies) Close() error { return nil }

// tallies are those of evidence that a test has made.
func tallies(e *Evidence) mapTallies { return e.source.(mapTallies) } //nolint:forcetypeassert // so it was made

// A fleetScene is an app with what a plan is made from: the evidence that the
// runtime would have written so far, and the inventory.
type fleetScene struct {
	app      *fleetApp
	in       Input
	asked    bool // owners are asked about clients that have not come
	hour     int  // up to which the evidence reaches, itself excluded
	lastFail int  // hour with a failure, -1 if there is none
}

func newFleetScene(a *fleetApp, asked bool) *fleetScene {
	began := fleetTime(0)
	s := &fleetScene{app: a, asked: asked, lastFail: -1, in: Input{
		Policy: &schemas.Policy{Environments: map[string]schemas.Environment{"pro": {Tier: schemas.TierProduction}}},
		Rollout: &schemas.Rollout{
			Version: 1, Environment: "pro", Tier: schemas.TierProduction,
			Subjects: map[string]schemas.RolloutSubject{"key/app/k1": {Mode: schemas.ModeObserve, Since: began, Secret: "env:K"}},
		},
		Inventory: &schemas.Inventory{Version: 1, History: schemas.History{From: fleetTime(-fleetHistory), To: began}},
		Evidence: &Evidence{
			Environment: "pro", Coverage: Coverage{Lines: 1, Parsed: 1}, source: mapTallies{},
			Nodes: []Node{{Name: "n1", First: began, Subjects: []LoadedSubject{{SubjectState: observed("key/app/k1")}}}},
		},
	}}
	for _, c := range a.clients {
		if c.expected.Days > 0 {
			entry := c.expected
			entry.App, entry.Client = "app", c.name
			s.in.Inventory.Clients = append(s.in.Inventory.Clients, entry)
		}
	}
	return s
}

// advance brings the evidence and the attestations up to an hour.
func (s *fleetScene) advance(hour int) {
	now := fleetTime(float64(hour))
	for _, c := range s.app.clients {
		answered := s.asked && c.answered > 0 && c.answered <= hour
		if answered && c.answered > s.hour {
			s.in.Inventory.Attestations = append(s.in.Inventory.Attestations, schemas.Decision{
				App: "app", Client: c.name, By: "owner", Since: schemas.DateOf(now), Until: "2027-12-31",
			})
		}
		for day := s.hour / 24; day*24 < hour; day++ {
			mask := ^maskFrom(int64(day), int64(hour))
			ok, fail := c.ok[day]&mask, c.fail[day]&mask
			if answered { // it was repaired before it showed
				ok, fail = ok|fail, 0
			}
			s.tally(c, day, ok, schemas.ReasonNone)
			s.tally(c, day, fail, schemas.ReasonSignature)
		}
	}
	s.hour, s.in.Now = hour, now
	s.in.Evidence.Nodes[0].Last = now
}

// tally writes the hours of a client's day. A daemon that fails now and then
// does so early in the hour, and passes after.
func (s *fleetScene) tally(c *fleetClient, day int, hours uint32, reason schemas.Reason) {
	if hours == 0 {
		return
	}
	began := fleetTime(float64(day * 24))
	key := schemas.TallyKey{
		Environment: "pro", Node: "n1", Subject: "key/app/k1", Client: c.name, How: schemas.HowVerified,
		Outcome: schemas.OutcomeOK, Reason: reason, Day: began.Format(time.DateOnly),
	}
	from, to := 30*time.Minute, 30*time.Minute
	if c.daemon {
		from, to = 0, 59*time.Minute
	}
	latest := bits.Len32(hours) - 1
	if reason != schemas.ReasonNone {
		key.Subject, key.Outcome = "key/app", schemas.OutcomeFail
		to = min(to, 30*time.Minute)
		s.lastFail = max(s.lastFail, day*24+latest)
	}
	tallies(s.in.Evidence)[key] = schemas.Tally{
		Count: uint64(bits.OnesCount32(hours)), Hours: hours,
		FirstMS: began.Add(time.Duration(bits.TrailingZeros32(hours))*time.Hour + from).UnixMilli(),
		LastMS:  began.Add(time.Duration(latest)*time.Hour + to).UnixMilli(),
	}
}

// verdict is that of the gate which [NewPlan] asks.
func (s *fleetScene) verdict() schemas.Verdict { return newGate(&s.in).verdicts()[0].Verdict }
