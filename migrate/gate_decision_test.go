package migrate

import (
	"testing"
	"time"

	"lockstep/schemas"
)

// What people decide holds for whom they name, and for so long.
func TestGateDecisions(t *testing.T) {
	t.Parallel()
	network := func(text string) schemas.Decision {
		return schemas.Decision{Network: text, By: "lee", Since: "2026-11-20", Until: "2026-12-31"}
	}
	strangers := func(decisions ...schemas.Decision) func(*scene) {
		return func(s *scene) {
			s.request("192.0.2.9", verified, failed, 5, 4, 0.5)
			s.in.Inventory.Strangers = decisions
		}
	}
	until := func(d schemas.Decision, since, until schemas.Date) schemas.Decision {
		d.Since, d.Until = since, until
		return d
	}
	runGate(t, map[string]gateTest{
		"a stranger that is accepted": {
			strangers(decided("192.0.2.9")), false,
			schemas.VerdictPromote, "1 client passes, and none that is known fails",
		},
		"a network that is accepted": {strangers(network("192.0.2.0/24")), false, schemas.VerdictPromote, ""},
		"another network":            {strangers(network("192.0.3.0/24")), false, schemas.VerdictBlocked, ""},
		"a line that has run out":    {strangers(until(decided("192.0.2.9"), "2026-11-01", "2026-11-20")), false, schemas.VerdictBlocked, ""},
		"on its last day it has not": {strangers(until(decided("192.0.2.9"), "2026-11-01", "2026-11-21")), false, schemas.VerdictPromote, ""},
		"a line that is for later":   {strangers(until(decided("192.0.2.9"), "2026-11-22", "2026-12-31")), false, schemas.VerdictBlocked, ""},
		"a line for another app":     {strangers(schemas.Decision{App: "b", Client: "192.0.2.9", By: "lee", Since: "2026-11-20", Until: "2026-12-31"}), false, schemas.VerdictBlocked, ""},
		"an address written as IPv6": {func(s *scene) {
			s.request("::ffff:192.0.2.9", verified, failed, 5)
			s.in.Inventory.Strangers = []schemas.Decision{network("192.0.2.0/24")}
		}, false, schemas.VerdictPromote, ""},
		"a network does not speak for a client that is known": {
			func(s *scene) {
				strangers(network("192.0.2.0/24"))(s)
				s.request("192.0.2.9", verified, passed, 90)
			}, false,
			schemas.VerdictBlocked, "",
		},
		"a waiver does": {
			func(s *scene) {
				s.request("192.0.2.9", verified, passed, 90)
				s.request("192.0.2.9", verified, failed, 5, 4, 0.5)
				s.in.Inventory.Waivers = []schemas.Decision{decided("192.0.2.9")}
			}, false,
			schemas.VerdictPromote, "",
		},
		"also for one that has not come": {
			func(s *scene) {
				s.expect("month-end")
				s.in.Inventory.Waivers = []schemas.Decision{decided("month-end")}
			}, false,
			schemas.VerdictPromote, "",
		},
	})
}

// A plan lists whom somebody lets be refused, and does not outlive the line.
func TestPlanEndsWithTheDecisionsItRestsOn(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.in.Inventory.Version = 1
	s.request("old-host", verified, failed, 5)
	waiver := decided("old-host")
	waiver.Until = "2026-11-23"
	s.in.Inventory.Waivers = []schemas.Decision{waiver, decided("somebody-else")}
	v := s.judge(t, false)
	if len(v.Accepted) != 1 || v.Accepted[0].Client != "old-host" || v.Accepted[0].AcceptedBy != "lee" || len(v.Blocking)+len(v.Strangers) > 0 {
		t.Errorf("accepted %+v, blocking %+v, strangers %+v", v.Accepted, v.Blocking, v.Strangers)
	}
	plan := decodePlan(t, encode(t, s.in))
	if want := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC); !plan.Expires.Equal(want) {
		t.Errorf("the plan expires at %s, want %s", plan.Expires, want)
	}
	s.in.Inventory.Waivers = nil
	s.in.Inventory.Strangers = []schemas.Decision{decided("old-host")}
	if plan := decodePlan(t, encode(t, s.in)); !plan.Expires.Equal(noon.AddDate(0, 0, 7)) {
		t.Errorf("the plan expires at %s, want a week", plan.Expires)
	}
}

func TestGateApprovals(t *testing.T) {
	t.Parallel()
	approve := func(need int, people ...string) func(*scene) {
		return func(s *scene) {
			s.in.Policy.Gates[schemas.TierProduction] = schemas.Gate{Tau: new(99.0), Approvals: new(need)}
			for _, by := range people {
				s.in.Inventory.Approvals = append(s.in.Inventory.Approvals, schemas.Decision{App: "A", By: by, Since: "2026-11-20", Until: "2026-11-25"})
			}
		}
	}
	runGate(t, map[string]gateTest{
		"nobody":               {approve(1), false, schemas.VerdictWait, "nobody has approved it, 1 approval is needed"},
		"one of two":           {approve(2, "lee"), false, schemas.VerdictWait, "approved by lee, 2 approvals are needed"},
		"one of two, twice":    {approve(2, "lee", "lee"), false, schemas.VerdictWait, ""},
		"two":                  {approve(2, "lee", "dana"), false, schemas.VerdictPromote, ""},
		"more than are needed": {approve(0, "lee"), false, schemas.VerdictPromote, ""},
	})
}
