package migrate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// busy adds clients that pass each hour.
func (s *scene) busy(clients int) {
	for i := range clients {
		for h := 0.5; h < 8*24; h++ {
			s.request(fmt.Sprintf("busy%d", i), verified, passed, h)
		}
	}
}

// tier moves the scene to a tier with the limits that hold there by default.
func (s *scene) tier(tier schemas.Tier) {
	s.in.Rollout.Tier = tier
	s.in.Policy.Environments["pro-eu"] = schemas.Environment{Tier: tier}
	s.in.Policy.Gates = nil
}

// expectEntry adds a client to the inventory.
func (s *scene) expectEntry(c schemas.InventoryClient) {
	c.App = "a"
	s.in.Inventory.Clients = append(s.in.Inventory.Clients, c)
}

func decided(client string) schemas.Decision {
	return schemas.Decision{App: "a", Client: client, By: "lee", Since: "2026-11-20", Until: "2026-12-31"}
}

// How many clients a step may be expected to refuse depends on the tier.
func TestGateRiskByTier(t *testing.T) {
	t.Parallel()
	for _, tier := range schemas.Tiers() {
		s := newScene()
		s.tier(tier)
		s.busy(7)
		for h := 0.5; h < 10; h++ {
			s.request("job", verified, passed, h)
		}
		s.request("job", verified, passed, 100, 130)
		s.request("job", verified, failed, 80) // ½/(10+2), and nobody unknown
		want := schemas.VerdictPromote
		if tier == schemas.TierProduction {
			want = schemas.VerdictWait
		}
		if v := s.judge(t, false); v.Verdict != want || v.Risk == nil || v.Risk.Repaired != 0.04167 {
			t.Errorf("%s: %s because of %q, risk %+v, want %s", tier, v.Verdict, v.Reasons, v.Risk, want)
		}
	}
}

func TestGateRisk(t *testing.T) {
	t.Parallel()
	monthly := schemas.InventoryClient{Client: "month-end", Cadence: schemas.Duration(31 * days), Last: ago(21 * 24), Days: 3}
	production := func(change func(*scene)) func(*scene) {
		return func(s *scene) { s.tier(schemas.TierProduction); s.busy(7); change(s) }
	}
	runGate(t, map[string]gateTest{
		"all are busy": {production(func(*scene) {}), false, schemas.VerdictPromote, ""},
		"a monthly client is missing": {
			production(func(s *scene) { s.expectEntry(monthly) }), false,
			schemas.VerdictWait, "1 expected client has not come since 2026-11-13 12:00Z: month-end (monthly, due 2026-12-01)",
		},
		"however many others are there": {
			production(func(s *scene) { s.busy(40); s.expectEntry(monthly) }), false,
			schemas.VerdictWait, "",
		},
		"unless the policy looks at the risk alone": {
			production(func(s *scene) {
				s.busy(40)
				s.expectEntry(monthly)
				s.in.Policy.Gates = map[schemas.Tier]schemas.Gate{schemas.TierProduction: {HoldUnseen: new(false)}}
			}), false,
			schemas.VerdictPromote, "",
		},
		"an overdue one": {
			production(func(s *scene) {
				s.expectEntry(schemas.InventoryClient{Client: "job", Gap: schemas.Duration(9 * days), Days: 5, Last: ago(10 * 24)})
			}), false,
			schemas.VerdictWait, "1 expected client has not come since 2026-11-13 12:00Z: job (every 9d, overdue 2026-11-20)",
		},
		"one that is surely gone": {
			production(func(s *scene) {
				s.expectEntry(schemas.InventoryClient{Client: "job", Gap: schemas.Duration(time.Hour), Days: 5, Last: ago(10 * 24)})
			}), false,
			schemas.VerdictPromote, "",
		},
		"an attested one": {
			production(func(s *scene) {
				s.expectEntry(monthly)
				s.in.Inventory.Attestations = append(s.in.Inventory.Attestations, decided("month-end"))
			}), false,
			schemas.VerdictPromote, "",
		},
		"an attestation of another app": {
			production(func(s *scene) {
				s.expectEntry(monthly)
				d := decided("month-end")
				d.App = "b"
				s.in.Inventory.Attestations = append(s.in.Inventory.Attestations, d)
			}), false,
			schemas.VerdictWait, "",
		},
		"one that is expected no more": {
			production(func(s *scene) {
				gone := monthly
				gone.Until = "2026-11-20"
				s.expectEntry(gone)
			}), false,
			schemas.VerdictPromote, "",
		},
		"one seen once in a week may stand for others": {
			production(func(s *scene) { s.request("job", verified, passed, 30) }), false,
			schemas.VerdictWait, "the risk is 0.085, more than 0.02: 0.085 for clients that nobody has seen or named",
		},
		"not if its period is known": {
			production(func(s *scene) {
				s.expectEntry(schemas.InventoryClient{Client: "job", Cadence: schemas.Duration(31 * days)})
				s.request("job", verified, passed, 30)
			}), false,
			schemas.VerdictPromote, "",
		},
		"nor if a history knows it": {
			production(func(s *scene) {
				s.in.Inventory.History = schemas.History{From: ago(98 * 24), To: ago(8 * 24)}
				s.expectEntry(schemas.InventoryClient{Client: "job", Days: 9, Gap: schemas.Duration(12 * days), Last: ago(200)})
				s.request("job", verified, passed, 30)
			}), false,
			schemas.VerdictPromote, "",
		},
	})
}

// A gate that is held says when it will not be: when the last client is due,
// or when all has been clean for 45 days.
func TestGateRiskReady(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.tier(schemas.TierProduction)
	s.busy(7)
	s.expectEntry(schemas.InventoryClient{Client: "first", Cadence: schemas.Duration(31 * days), Last: ago(21 * 24), Days: 3})
	s.expectEntry(schemas.InventoryClient{Client: "second", Owner: "team-x", Cadence: schemas.Duration(31 * days), Last: ago(11 * 24), Days: 3})
	v := s.judge(t, false)
	if v.Ready == nil || !v.Ready.Equal(noon.AddDate(0, 0, 20)) || !strings.Contains(v.Reasons[0], "second (monthly, due 2026-12-11), first (monthly, due 2026-12-01)") {
		t.Errorf("ready %v because of %q", v.Ready, v.Reasons)
	}
	if len(v.Unseen) != 2 || v.Unseen[1].Owner != "team-x" || !v.Unseen[1].Due.Equal(noon.AddDate(0, 0, 20)) || v.Unseen[1].Weight != 1 {
		t.Errorf("unseen %+v", v.Unseen)
	}
	s.expectEntry(schemas.InventoryClient{Client: "third", Cadence: schemas.Duration(92 * days), Last: ago(11 * 24), Days: 3})
	if v := s.judge(t, false); v.Ready == nil || !v.Ready.Equal(ago(8*24).Add(45*days+50*time.Minute)) {
		t.Errorf("ready %v, want it after 45 days", v.Ready)
	}
}

// 45 clean days outweigh any risk. A failure or a hole in the log ends them.
func TestGateLongClean(t *testing.T) {
	t.Parallel()
	long := func(change func(*scene)) func(*scene) {
		return func(s *scene) {
			s.tier(schemas.TierProduction)
			s.since("key/a/k1", ago(46*24))
			s.expect("month-end")
			change(s)
			s.log.beat("n1", ago(46*24), observed("key/a/k1"))
		}
	}
	runGate(t, map[string]gateTest{
		"clean":          {long(func(*scene) {}), true, schemas.VerdictPromote, ""},
		"an old failure": {long(func(s *scene) { s.request("web", verified, failed, 44*24) }), true, schemas.VerdictWait, ""},
		"a claimed one is none": {
			long(func(s *scene) { s.request("web", claimed, failed, 44*24); s.request("web", claimed, passed, 99, 98) }), true,
			schemas.VerdictPromote, "",
		},
		"the policy knows no such time": {
			long(func(s *scene) {
				s.in.Policy.Gates = map[schemas.Tier]schemas.Gate{schemas.TierProduction: {OrCleanFor: new(schemas.Duration(0))}}
			}), true, schemas.VerdictWait, "",
		},
		"a hole in the log": {
			func(s *scene) {
				long(func(*scene) {})(s)
				s.log.lines = s.log.lines[:3]
				s.log.beat("n1", ago(46*24), observed("key/a/k1"))
				s.log.lines = append(s.log.lines[:33], s.log.lines[38:]...) // of the second day
			}, true, schemas.VerdictWait, "",
		},
	})
}

// A plan that promotes in spite of the risk says why.
func TestGateSaysWhatOutweighsTheRisk(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.tier(schemas.TierProduction)
	s.since("key/a/k1", ago(46*24))
	s.expect("month-end")
	s.log.beat("n1", ago(46*24), observed("key/a/k1"))
	v := s.judge(t, true)
	if v.Verdict != schemas.VerdictPromote || len(v.Reasons) != 2 || v.Reasons[1] != "no failure and no hole in the log for 45d, which outweighs the risk" {
		t.Errorf("%s because of %q", v.Verdict, v.Reasons)
	}
}

// Before the window is over nearly all clients have been seen on one day only.
func TestGateRiskIsOfAWindow(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.tier(schemas.TierProduction)
	s.since("key/a/k1", ago(80))
	s.expectEntry(schemas.InventoryClient{Client: "job", Cadence: schemas.Duration(14 * days), Last: ago(4 * 24)})
	v := s.judge(t, false)
	if v.Risk != nil || len(v.Reasons) != 2 || v.Ready == nil || !v.Ready.Equal(noon.AddDate(0, 0, 10)) {
		t.Errorf("risk %+v, ready %v because of %q", v.Risk, v.Ready, v.Reasons)
	}
}
