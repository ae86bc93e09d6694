package migrate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"lockstep/schemas"
)

// The trials that it takes until the e-value reaches 20 where p0 is 1 in
// 1000, by the failures among them. The figures are those of an independent
// implementation.
func TestEValueReachesItsBar(t *testing.T) {
	t.Parallel()
	for failures, want := range map[int]int{0: 3397, 1: 6957, 3: 11203, 10: 22812} {
		n := failures
		for eValue(n, failures, 1e-3) < 20 {
			n++
		}
		if n != want {
			t.Errorf("%d failures: %d trials, want %d", failures, n, want)
		}
	}
}

// Without data there is no evidence, a pass adds to it, a failure takes away,
// and nothing is infinite.
func TestEValueMoves(t *testing.T) {
	t.Parallel()
	if e := eValue(0, 0, 0.05); !near(e, 1) {
		t.Errorf("no trials: %g, want 1", e)
	}
	for s := range 5 {
		for n := s; n < 200; n++ {
			e := eValue(n, s, 0.05)
			if eValue(n+1, s, 0.05) <= e || eValue(n+1, s+1, 0.05) >= e {
				t.Fatalf("%d trials, %d failures: e %g moves the wrong way", n, s, e)
			}
		}
	}
	if e := eValue(1_000_000, 0, 0.5); e != mostE {
		t.Errorf("e %g", e)
	}
}

// judgeE walks an app of one client whose days fail or not.
func judgeE(fails []bool, limits schemas.GateLimits) *schemas.EValue {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := &client{ok: 1, passedEver: true, okHours: hours{}, failHours: hours{}}
	days := map[int64]bool{}
	for i, failed := range fails {
		day := start.UnixMilli()/dayMS + int64(i)
		days[day] = true
		if failed {
			c.failHours[day] = 1
		} else {
			c.okHours[day] = 1
		}
	}
	g := &gate{in: &Input{Now: start.AddDate(0, 0, len(fails))}, limits: limits}
	return g.eValue(&app{start: start, days: days, clients: map[clientKey]*client{{"c", verified}: c}})
}

// Looking every few days, and starting anew after each fix, promotes an app that
// fails on one client-day in twenty in at most α of all cases, not in nearly
// all as "so many clean days in a row" does.
func TestEValueIsHonest(t *testing.T) {
	t.Parallel()
	const runs, horizon = 250, 400
	limits := schemas.GateLimits{P0: 0.05, Alpha: 0.05}
	reached, inARow := 0, 0
	for seed := range uint64(runs) {
		random := rand.New(rand.NewPCG(seed, 4))
		fails := make([]bool, horizon)
		clean, longest := 0, 0
		for i := range fails {
			fails[i] = random.Float64() < limits.P0
			clean++
			if fails[i] {
				clean = 0
			}
			longest = max(longest, clean)
		}
		if longest >= 59 { // (1-p0)^59 is 5 %
			inARow++
		}
		for n := 1; n <= horizon; n += 4 {
			if e := judgeE(fails[:n], limits); e.Value >= e.Bar {
				reached++
				break
			}
		}
	}
	if share := float64(reached) / runs; share > limits.Alpha+2*math.Sqrt(limits.Alpha/runs) {
		t.Errorf("the e-value is wrong in %.1f %% of all cases", 100*share)
	}
	if share := float64(inARow) / runs; share < 0.3 {
		t.Errorf("so many clean days in a row are wrong in %.1f %% only: the test tests nothing", 100*share)
	}
}

func TestEValueEpochs(t *testing.T) {
	t.Parallel()
	limits := schemas.GateLimits{P0: 0.05, Alpha: 0.05}
	for days, want := range map[string]schemas.EValue{
		"":        {Bar: 40, Epoch: 1},
		"...":     {Bar: 40, Epoch: 1, Trials: 3},
		".!!":     {Bar: 40, Epoch: 1, Trials: 3, Failures: 2},
		".!!.":    {Bar: 120, Epoch: 2},
		".!!...":  {Bar: 120, Epoch: 2, Trials: 2},
		"!.!..!.": {Bar: 400, Epoch: 4},
	} {
		var fails []bool
		for _, day := range days {
			fails = append(fails, day == '!')
		}
		want.Value = significant(eValue(want.Trials, want.Failures, limits.P0))
		if got := judgeE(fails, limits); *got != want {
			t.Errorf("%q: %+v, want %+v", days, *got, want)
		}
	}
}

// Looking at each hour of a day gives the same e-value, and where the policy
// requires it the gate waits for it, with a time.
func TestGateRequiresE(t *testing.T) {
	t.Parallel()
	scene := func(clients int) *scene {
		s := newScene()
		s.in.Policy.Gates[schemas.TierProduction] = schemas.Gate{Tau: new(99.0), RequireE: new(true)}
		for i := range clients {
			for h := 1.0; h < 8*24; h += 6 {
				s.request(fmt.Sprintf("c%d", i), verified, passed, h)
			}
		}
		return s
	}
	few, many := scene(2).judge(t, false), scene(12).judge(t, false)
	if few.Verdict != schemas.VerdictWait || many.Verdict != schemas.VerdictPromote {
		t.Errorf("%s %q, then %s %q", few.Verdict, few.Reasons, many.Verdict, many.Reasons)
	}
	if few.Ready == nil || few.Ready.Sub(noon) < 20*days || few.Ready.Sub(noon) > 60*days {
		t.Errorf("ready %v", few.Ready)
	}
	s := scene(2)
	s.judge(t, false)
	for h := range 12 {
		s.in.Now = noon.Truncate(days).Add(time.Duration(h) * time.Hour)
		if e := newGate(&s.in).verdicts()[0].EValue; *e != *few.EValue {
			t.Errorf("at %s the e-value is %+v, at noon %+v", s.in.Now, *e, *few.EValue)
		}
	}
}
