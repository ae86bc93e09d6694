package migrate

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"lockstep/schemas"
)

// randomScene is an app of the fleet at some hour, with the inventory and what
// owners said: whatever the gate may have to judge.
func randomScene(seed uint64) (*fleetScene, *rand.Rand) {
	random := rand.New(rand.NewPCG(seed, 5))
	s := newFleetScene(newFleetApp(99, seed), true)
	s.advance(8*24 + random.IntN(40*24))
	if random.IntN(4) == 0 {
		s.in.Inventory = &schemas.Inventory{}
	}
	return s, random
}

// copied is a scene with evidence of its own.
func (s *fleetScene) copied(keep func() bool) *fleetScene {
	other := *s
	evidence := *s.in.Evidence
	kept := mapTallies{}
	for key, tally := range tallies(s.in.Evidence) {
		if keep() {
			kept[key] = tally
		}
	}
	evidence.source = kept
	other.in.Evidence = &evidence
	return &other
}

func always() bool { return true }

// fail adds a failure some hours ago.
func (s *fleetScene) fail(client string, how schemas.How, hoursAgo float64) {
	at := s.in.Now.Add(-time.Duration(hoursAgo * float64(time.Hour)))
	key := schemas.TallyKey{
		Environment: "pro", Node: "n1", Subject: "key/app", Client: client, How: how,
		Outcome: schemas.OutcomeFail, Reason: schemas.ReasonMissing, Day: at.Format(time.DateOnly),
	}
	tally := tallies(s.in.Evidence)[key]
	tally.Add(at.UnixMilli())
	tallies(s.in.Evidence)[key] = tally
}

// More failures never make the gate let through what it held before, whoever
// fails and whenever; and no new stranger makes it hold what it let through,
// as long as it only claims who it is.
func TestGateAndMoreFailures(t *testing.T) {
	t.Parallel()
	promoted, held := 0, 0
	for seed := range uint64(250) {
		s, random := randomScene(seed)
		before := s.verdict()
		if before == schemas.VerdictPromote {
			promoted++
			crowd := s.copied(always)
			for day := 0.5; day*24 < float64(s.hour); day++ {
				crowd.fail(fmt.Sprintf("stranger-%g", day), schemas.HowClaimed, day*24)
			}
			if after := crowd.verdict(); after != before {
				t.Fatalf("seed %d: a claimed stranger each day turns promote into %s", seed, after)
			}
			continue
		}
		held++
		for range 5 {
			worse := s.copied(always)
			for range 1 + random.IntN(3) {
				client := fmt.Sprintf("10.0.0.%d", random.IntN(len(s.app.clients)+1))
				how := []schemas.How{schemas.HowVerified, schemas.HowClaimed}[random.IntN(2)]
				worse.fail(client, how, random.Float64()*float64(s.hour))
			}
			if worse.verdict() == schemas.VerdictPromote {
				t.Fatalf("seed %d: more failures turn %s into promote", seed, before)
			}
		}
	}
	if promoted < 100 || held < 30 {
		t.Errorf("%d promoted, %d held: the test tests little", promoted, held)
	}
}

// Whatever is missing, the gate never promotes: passes of all clients, all
// that a node says, hours of it, a window of a database, or too many lines.
func TestGateNeverPromotesOnMissingEvidence(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		s, random := randomScene(seed)
		for name, take := range map[string]func(*Evidence){
			"tallies": func(e *Evidence) { clear(tallies(e)) },
			"nodes":   func(e *Evidence) { e.Nodes = nil },
			"the end": func(e *Evidence) {
				e.Nodes = []Node{{Name: "n1", First: e.Nodes[0].First, Last: s.in.Now.Add(-time.Hour)}}
			},
			"the mode": func(e *Evidence) { e.Nodes = []Node{{Name: "n1", First: e.Nodes[0].First, Last: s.in.Now}} },
			"hours": func(e *Evidence) {
				to := s.in.Now.Add(-time.Duration(random.IntN(150)) * time.Hour)
				e.Gaps = []Gap{{Node: "n1", From: to.Add(-time.Hour), To: to}}
			},
			"lines":   func(e *Evidence) { e.Gaps = []Gap{{Node: "n1", To: s.in.Now, Lines: 1}} },
			"reading": func(e *Evidence) { e.Coverage.Unparsed = 1 },
			"a window": func(e *Evidence) {
				to := s.in.Now.Add(-time.Duration(random.IntN(150)) * time.Hour)
				e.Unknown = []UnknownWindow{{Source: "vl", From: to.Add(-time.Hour), To: to, Reason: "it took too long"}}
			},
		} {
			less := s.copied(always)
			take(less.in.Evidence)
			if verdict := less.verdict(); verdict == schemas.VerdictPromote || verdict == schemas.VerdictWait {
				t.Errorf("seed %d without %s: %s", seed, name, verdict)
			}
		}
	}
}

// The verdict is one of what is there: how often it was asked for before, and
// in what order the evidence came, changes nothing.
func TestGateForgetsItsLooks(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		looked := newFleetScene(newFleetApp(98, seed), true)
		end := 9*24 + int(seed)*7
		for hour := 7 * 24; hour <= end; hour++ {
			looked.advance(hour)
			looked.verdict()
		}
		once := newFleetScene(newFleetApp(98, seed), true)
		once.advance(end)
		once.in.Inventory.Attestations = looked.in.Inventory.Attestations
		if a, b := looked.verdict(), once.verdict(); a != b {
			t.Fatalf("seed %d: %s after many looks, %s after one", seed, a, b)
		}
	}
}

// The looks that the simulation leaves out could not have promoted.
func TestSimLeavesOutNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		s := newFleetScene(newFleetApp(97, seed), true)
		for hour := 24; hour <= 30*24; hour += 24 {
			s.advance(hour)
			left := hour < 7*24 || (s.lastFail >= 0 && hour < s.lastFail+72)
			if left && s.verdict() == schemas.VerdictPromote {
				t.Fatalf("seed %d: the gate promotes at hour %d", seed, hour)
			}
		}
	}
}

// [NewPlan] says what the gate says that the simulation asks.
func TestSimAsksTheGateOfThePlan(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		s, _ := randomScene(seed)
		plan, err := NewPlan(s.in)
		if err != nil {
			t.Fatal(err)
		}
		if want := s.verdict(); plan.Subjects[0].Verdict != want || (len(plan.Batches) == 1) != (want == schemas.VerdictPromote) {
			t.Errorf("seed %d: the plan says %s, the gate %s", seed, plan.Subjects[0].Verdict, want)
		}
	}
}
