package migrate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"lockstep/schemas"
)

// crowded adds clients of every kind: strangers of a network that a line
// accepts and of others, verified ones, and clients of two kinds of identity.
func (s *fleetScene) crowded(random *rand.Rand) {
	for i := range 150 {
		how := []schemas.How{claimed, claimed, claimed, verified}[random.IntN(4)]
		name := fmt.Sprintf("%d.0.0.%d", 20+random.IntN(3), i)
		if how == verified && random.IntN(8) > 0 {
			how = claimed
		}
		s.fail(name, how, random.Float64()*float64(s.hour))
		if random.IntN(5) == 0 {
			s.pass(name, how, random.Float64()*float64(s.hour))
		}
	}
	if random.IntN(2) == 0 {
		s.in.Inventory.Strangers = []schemas.Decision{
			{Network: "20.0.0.0/8", By: "a", Since: "2026-01-01", Until: "2027-12-31"},
			{Network: "20.0.0.0/16", By: "b", Since: "2026-01-01", Until: "2027-06-30"},
		}
		s.in.Inventory.Waivers = []schemas.Decision{{App: "app", Client: "10.0.0.1", By: "a", Since: "2026-01-01", Until: "2027-12-31"}}
	}
}

// pass adds a request that passes, some hours ago.
func (s *fleetScene) pass(client string, how schemas.How, hoursAgo float64) {
	at := s.in.Now.Add(-time.Duration(hoursAgo * float64(time.Hour)))
	key := schemas.TallyKey{
		Environment: "pro", Node: "n1", Subject: "key/app/k1", Client: client, How: how,
		Outcome: schemas.OutcomeOK, Day: at.Format(time.DateOnly),
	}
	tally := tallies(s.in.Evidence)[key]
	tally.Add(at.UnixMilli())
	tallies(s.in.Evidence)[key] = tally
}

// However many clients the gate has room for at a time, and whether it sums
// them up or keeps each, the plan is the same, byte for byte.
func TestGateRoomChangesNothing(t *testing.T) {
	t.Parallel()
	seen := map[schemas.Verdict]int{}
	for seed := range uint64(60) {
		s, random := randomScene(seed)
		if random.IntN(2) == 0 {
			s.crowded(random)
		}
		if random.IntN(3) == 0 { // a second key, that is retired beside the first
			for _, name := range []string{"key/app/k1", "key/app/k2"} {
				s.in.Rollout.Subjects[name] = schemas.RolloutSubject{Mode: schemas.ModeEnforce, Since: fleetTime(0), Secret: "env:K"}
			}
			s.in.Retire = []string{"key/app/k2"}
		}
		var want []byte
		for _, try := range []struct {
			name  string
			whole bool
			room  int
		}{{"whole", true, 0}, {"one", false, 1}, {"seven", false, 7}, {"shipped", false, 0}} {
			in := s.in
			in.whole, in.room = try.whole, try.room
			in.Evidence = sortedEvidence(t, s.in.Evidence)
			plan, err := NewPlan(in)
			if err != nil {
				t.Fatal(err)
			}
			text, err := plan.Encode()
			if err != nil {
				t.Fatal(err)
			}
			seen[plan.Subjects[0].Verdict]++
			if want == nil {
				want = text
			} else if !bytes.Equal(text, want) {
				t.Fatalf("seed %d, room for %s:\n%s\nwant\n%s", seed, try.name, text, want)
			}
		}
	}
	if len(seen) < 3 {
		t.Errorf("the verdicts are %v, which shows little", seen)
	}
}

// sortedEvidence is the same evidence with tallies in order, whose digest does
// not depend on chance.
func sortedEvidence(t *testing.T, e *Evidence) *Evidence {
	t.Helper()
	table := newTallyTable()
	for key, tally := range tallies(e) {
		table.add(key, tally)
	}
	other := *e
	other.source = table
	return &other
}

// A roll names the first clients in order, and counts all.
func TestRoll(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, rollNamed, rollNamed + 1, 500} {
		r := &roll{}
		order := rand.New(rand.NewPCG(1, uint64(n))).Perm(n) //nolint:gosec // a small number
		for _, i := range order {
			at := noon.Add(time.Duration(i) * time.Minute)
			r.add(schemas.ClientEvidence{
				Client: fmt.Sprintf("c%03d", i), How: claimed, Fail: 2, Reasons: map[schemas.Reason]uint64{failed: 2}, Last: &at,
			})
		}
		list, fails := r.list(), uint64(0)
		for i, c := range list {
			fails += c.Fail
			if i < rollNamed && c.Client != fmt.Sprintf("c%03d", i) {
				t.Errorf("%d clients: number %d is %s", n, i, c.Client)
			}
		}
		if r.count != n || len(list) != min(n, rollNamed+1) || fails != uint64(2*n) { //nolint:gosec // a small number
			t.Errorf("%d clients: counts %d, lists %d with %d failures", n, r.count, len(list), fails)
		}
		if n > rollNamed {
			rest := list[rollNamed]
			if last := noon.Add(time.Duration(n-1) * time.Minute); rest.Client != schemas.OverflowClient || !rest.Last.Equal(last) || rest.Reasons[failed] != rest.Fail {
				t.Errorf("%d clients: the rest is %+v", n, rest)
			}
		}
	}
}
