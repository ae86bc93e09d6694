package migrate

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"lockstep/schemas"
)

// The closed form agrees with drawing f from its Beta distribution.
func TestRefusedAgreesWithDraws(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 7))
	for _, c := range []client{{ok: 100, fail: 1}, {ok: 20, fail: 20}, {fail: 3}, {ok: 3000, fail: 2}} {
		for _, more := range []float64{1, 24, 840} {
			const draws = 40_000
			clients, requests := 0.0, 0.0
			for range draws {
				f := betaHalf(random, int(c.fail), int(c.ok))
				requests += more * f / draws
				clients += (1 - math.Exp(-f*more)) / draws
			}
			gotRequests, gotClients := c.refused(more)
			if math.Abs(gotRequests-requests) > 0.02*max(requests, 0.5) || math.Abs(gotClients-clients) > 0.05 {
				t.Errorf("ok %d, fail %d, %g more: %.4g requests, %.4g clients, drawn %.4g and %.4g",
					c.ok, c.fail, more, gotRequests, gotClients, requests, clients)
			}
		}
	}
}

// betaHalf draws from Beta(s+½, k+½): a ratio of gamma variables, each a sum
// of exponentials and half the square of a normal one.
func betaHalf(random *rand.Rand, s, k int) float64 {
	gamma := func(n int) float64 {
		z := random.NormFloat64()
		sum := z * z / 2
		for range n {
			sum += random.ExpFloat64()
		}
		return sum
	}
	a, b := gamma(s), gamma(k)
	return a / (a + b)
}

func TestRefusedIsBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []client{{ok: 1, fail: 1}, {ok: 1 << 40, fail: 1}, {fail: 1 << 40}} {
		last := 0.0
		for _, more := range []float64{0, 0.01, 0.5, 1, 100, 1e9, 1e13} {
			requests, clients := c.refused(more)
			if math.IsNaN(clients) || clients < last || clients > 1 || clients > requests || requests > more {
				t.Errorf("%d, %d, %g more: %g requests, %g clients after %g", c.ok, c.fail, more, requests, clients, last)
			}
			last = clients
		}
	}
}

// impactOf is how many clients enforcing key/a/k1 of a scene now would
// refuse within 35 days.
func impactOf(t *testing.T, s *scene) float64 {
	t.Helper()
	impact := s.judge(t, false).Impact
	if len(impact) != 3 || time.Duration(impact[2].Within) != 35*24*time.Hour {
		t.Fatalf("impact %+v", impact)
	}
	if impact[2].Requests < impact[2].Clients {
		t.Errorf("%g requests of %g clients", impact[2].Requests, impact[2].Clients)
	}
	return impact[2].Clients
}

func TestImpactCountsWhoWouldBeRefused(t *testing.T) {
	t.Parallel()
	clean := newScene()
	none := impactOf(t, clean)
	for name, test := range map[string]struct {
		spoil    func(*scene)
		from, to float64 // clients more than of the scene without
	}{
		"failing all the time":   {func(s *scene) { s.request("job", verified, failed, 100, 50, 1) }, 0.9, 1},
		"repaired":               {func(s *scene) { s.request("web", verified, failed, 150) }, 0.01, 0.5},
		"a stranger that claims": {func(s *scene) { s.request("bot", claimed, failed, 100, 50, 1) }, 0, 0},
		"expected and not seen":  {func(s *scene) { s.expect("missing") }, 0.01, 0.2},
		"failing, and it may fail": {func(s *scene) {
			s.request("job", verified, failed, 9)
			s.in.Inventory.Waivers = []schemas.Decision{decided("job")}
		}, 0, 0},
	} {
		s := newScene()
		test.spoil(s)
		clients := impactOf(t, s)
		if more := clients - none; more < test.from || more > test.to {
			t.Errorf("%s: %.3g clients more, want %g to %g", name, more, test.from, test.to)
		}
	}
}
