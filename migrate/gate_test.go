package migrate

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

const (
	verified = schemas.HowVerified
	claimed  = schemas.HowClaimed
	passed   = schemas.ReasonNone
	failed   = schemas.ReasonSignature
)

func ago(hours float64) time.Time { return noon.Add(-time.Duration(hours * float64(time.Hour))) }

func observed(subject string) schemas.SubjectState {
	return schemas.SubjectState{Subject: subject, Mode: schemas.ModeObserve, Fingerprint: "3fa9c1d2e4b5"}
}

// A scene is an app with one observed key that is ready to be enforced, for a
// test to spoil: observed for eight days, one verified client that passes. The
// policy tolerates any risk, which has tests of its own.
type scene struct {
	log *eventLog
	in  Input
}

func newScene() *scene {
	s := &scene{log: newEventLog(), in: Input{
		Now: noon,
		Policy: &schemas.Policy{
			Environments: map[string]schemas.Environment{"pro-eu": {Tier: schemas.TierProduction}},
			Gates:        map[schemas.Tier]schemas.Gate{schemas.TierProduction: {Tau: new(99.0)}},
		},
		Rollout: &schemas.Rollout{
			Environment: "pro-eu", Tier: schemas.TierProduction,
			Subjects: map[string]schemas.RolloutSubject{"key/a/k1": {Mode: schemas.ModeObserve, Since: ago(8 * 24), Secret: "env:K"}},
		},
		Inventory: &schemas.Inventory{},
	}}
	s.request("web", verified, passed, 100, 50, 1)
	return s
}

// request adds a request of a client at each of the given hours before noon.
func (s *scene) request(client string, how schemas.How, reason schemas.Reason, hours ...float64) {
	subject := "key/a/k1"
	if reason != passed {
		subject = "key/a"
	}
	for _, h := range hours {
		s.log.request("n1", subject, client, how, reason, ago(h))
	}
}

func (s *scene) expect(clients ...string) {
	for _, c := range clients {
		s.in.Inventory.Clients = append(s.in.Inventory.Clients, schemas.InventoryClient{App: "A", Client: c})
	}
}

// judge gives the verdict on key/a/k1, after adding a node that has reported
// every hour unless the test has set up nodes of its own.
func (s *scene) judge(t *testing.T, ownNodes bool) schemas.SubjectVerdict {
	t.Helper()
	if !ownNodes {
		s.log.beat("n1", ago(8*24), observed("key/a/k1"))
	}
	s.in.Evidence = fold(t, "pro-eu", s.log.lines...)
	verdicts := newGate(&s.in).verdicts()
	i := slices.IndexFunc(verdicts, func(v schemas.SubjectVerdict) bool { return v.Subject == "key/a/k1" })
	return verdicts[i]
}

type gateTest struct {
	spoil   func(*scene)
	nodes   bool // the test sets up its own
	verdict schemas.Verdict
	reason  string // of the verdict, exactly; unless empty
}

func runGate(t *testing.T, tests map[string]gateTest) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene()
			test.spoil(s)
			v := s.judge(t, test.nodes)
			if v.Verdict != test.verdict || (test.reason != "" && v.Reasons[0] != test.reason) {
				t.Errorf("%s because of %q, want %s because of %q", v.Verdict, v.Reasons, test.verdict, test.reason)
			}
		})
	}
}

// Who would be refused, and does it block.
func TestGateClients(t *testing.T) {
	t.Parallel()
	runGate(t, map[string]gateTest{
		"all pass": {
			func(*scene) {}, false,
			schemas.VerdictPromote, "1 client passes, and none that is known fails",
		},
		"a claimed stranger never blocks": {
			func(s *scene) { s.request("10.0.0.9", claimed, failed, 5, 4, 0.5) }, false,
			schemas.VerdictPromote, "",
		},
		"a verified stranger blocks, however long ago": {
			func(s *scene) { s.request("10.0.0.9", verified, failed, 180) }, false,
			schemas.VerdictBlocked, "1 client would be refused: 10.0.0.9 (verified, signature 1)",
		},
		"an expected client that only fails blocks": {
			func(s *scene) { s.expect("job"); s.request("job", claimed, failed, 9) }, false,
			schemas.VerdictBlocked, "1 client would be refused: job (claimed, signature 1)",
		},
		"a claimed client that once passed blocks": {
			func(s *scene) { s.request("job", claimed, passed, 90); s.request("job", claimed, failed, 80) }, false,
			schemas.VerdictBlocked, "",
		},
		"also if it passed before the time that counts": {
			func(s *scene) { s.request("job", claimed, passed, 10*24); s.request("job", claimed, failed, 80) }, false,
			schemas.VerdictBlocked, "",
		},
		"one good hour is no repair": {
			func(s *scene) { s.request("job", claimed, failed, 80); s.request("job", claimed, passed, 79.9, 20) }, false,
			schemas.VerdictBlocked, "",
		},
		"two good hours are": {
			func(s *scene) { s.request("job", claimed, failed, 80); s.request("job", claimed, passed, 20, 10) }, false,
			schemas.VerdictPromote, "2 clients pass, and none that is known fails",
		},
		"two passes in one hour are one observation": {
			func(s *scene) { s.request("job", claimed, failed, 80); s.request("job", claimed, passed, 20.9, 20.1) }, false,
			schemas.VerdictBlocked, "",
		},
		"a pass that is verified does not repair one that is claimed": {
			func(s *scene) {
				s.request("job", claimed, passed, 90)
				s.request("job", claimed, failed, 80)
				s.request("job", verified, passed, 20, 10)
			}, false,
			schemas.VerdictBlocked, "1 client would be refused: job (claimed, signature 1)",
		},
		"many are summed up": {
			func(s *scene) {
				for _, c := range []string{"c1", "c2", "c3", "c4", "c5"} {
					s.request(c, verified, failed, 80)
				}
			}, false,
			schemas.VerdictBlocked, "5 clients would be refused: c1 (verified, signature 1), c2 (verified, signature 1), c3 (verified, signature 1) and 2 more",
		},
		"failures before the time that counts do not": {
			func(s *scene) { s.request("10.0.0.9", verified, failed, 9*24) }, false,
			schemas.VerdictPromote, "",
		},
		"the case of the app does not matter": {
			func(s *scene) { s.log.request("n1", "key/A", "web", verified, failed, ago(0.5)) }, false,
			schemas.VerdictBlocked, "",
		},
		"other apps do not matter": {
			func(s *scene) { s.log.request("n1", "key/b", "web", verified, failed, ago(0.5)) }, false,
			schemas.VerdictPromote, "",
		},
	})
}

// What has to be waited for, and how long.
func TestGateWaits(t *testing.T) {
	t.Parallel()
	runGate(t, map[string]gateTest{
		"an expected client has not come": {
			func(s *scene) { s.expect("web", "month-end") }, false,
			schemas.VerdictWait, "1 expected client has not come since 2026-11-13 12:00Z: month-end (monthly, due 2026-12-14)",
		},
		"or came too early": {
			func(s *scene) { s.expect("month-end"); s.request("month-end", claimed, passed, 10*24) }, false,
			schemas.VerdictWait, "",
		},
		"however it is known": {
			func(s *scene) { s.expect("month-end"); s.request("month-end", claimed, passed, 30) }, false,
			schemas.VerdictPromote, "",
		},
		"a verified failure resets the clean clock": {
			func(s *scene) { s.request("web", verified, failed, 71) }, false,
			schemas.VerdictWait, "the last failure of a verified client was at 2026-11-18 13:00Z, less than 3d ago",
		},
		"until it has run down": {
			func(s *scene) { s.request("web", verified, failed, 72) }, false,
			schemas.VerdictPromote, "",
		},
		"a claimed failure does not": {
			func(s *scene) { s.request("job", claimed, failed, 30); s.request("job", claimed, passed, 20, 10) }, false,
			schemas.VerdictPromote, "",
		},
		"not observed long enough": {
			func(s *scene) { s.since("key/a/k1", ago(6*24+3)) }, false,
			schemas.VerdictWait, "observed for 6d 3h of 7d",
		},
		"just long enough": {
			func(s *scene) { s.since("key/a/k1", ago(7*24)) }, false,
			schemas.VerdictPromote, "",
		},
		"or by nobody": {
			func(s *scene) { s.log.beat("n1", ago(30), observed("key/a/k1")) }, true,
			schemas.VerdictWait, "observed for 1d 5h of 7d",
		},
	})
}

func (s *scene) since(subject string, at time.Time) {
	state := s.in.Rollout.Subjects[subject]
	state.Mode, state.Since = schemas.ModeObserve, at
	s.in.Rollout.Subjects[subject] = state
}

// No or incomplete data is never a pass.
func TestGateIsInconclusive(t *testing.T) {
	t.Parallel()
	runGate(t, map[string]gateTest{
		"nothing seen": {
			func(s *scene) { s.log.lines = nil }, false,
			schemas.VerdictInconclusive, "no client has passed since 2026-11-13 12:00Z",
		},
		"failures only": {
			func(s *scene) { s.log.lines = nil; s.request("10.0.0.9", claimed, failed, 9) }, false,
			schemas.VerdictInconclusive, "no client has passed since 2026-11-13 12:00Z",
		},
		"no node": {
			func(*scene) {}, true,
			schemas.VerdictInconclusive, "node n1 has never reported",
		},
		"an expected node is missing": {
			func(s *scene) {
				s.in.Policy.Environments["pro-eu"] = schemas.Environment{Nodes: []string{"n1", "n2"}}
			}, false,
			schemas.VerdictInconclusive, "node n2 has never reported",
		},
		"a node that is not expected has retired": {
			func(s *scene) {
				s.in.Policy.Environments["pro-eu"] = schemas.Environment{Nodes: []string{"n1"}}
				s.log.add("old", ago(90), schemas.Event{Kind: schemas.EventHeartbeat})
			}, false,
			schemas.VerdictPromote, "",
		},
		"a node fell silent": {
			func(s *scene) { s.log.add("n2", ago(1), schemas.Event{Kind: schemas.EventHeartbeat}) }, false,
			schemas.VerdictInconclusive, "node n2 has been silent since 2026-11-21 11:00Z",
		},
		"a node is ahead of time": {
			func(s *scene) { s.log.add("n2", ago(-1), schemas.Event{Kind: schemas.EventHeartbeat}) }, false,
			schemas.VerdictInconclusive, "node n2 reports from the future, 2026-11-21 13:00Z",
		},
		"a request is ahead of time": {
			func(s *scene) { s.request("web", verified, passed, -1.5) }, false,
			schemas.VerdictInconclusive, "a request is dated in the future, 2026-11-21 13:30Z",
		},
		"but not by a clock that is a little off": {
			func(s *scene) { s.request("web", verified, passed, -0.5) }, false,
			schemas.VerdictPromote, "",
		},
		"a request of another app is": {
			func(s *scene) { s.log.request("n1", "key/b/k1", "web", verified, passed, ago(-1.5)) }, false,
			schemas.VerdictPromote, "",
		},
		"the policy spells the environment in another way": {
			func(s *scene) {
				s.in.Policy.Environments = map[string]schemas.Environment{"pro_eu": {Nodes: []string{"n1", "n2"}}, "fat": {}}
			}, false,
			schemas.VerdictInconclusive, "the policy does not know the environment pro-eu; did you mean pro_eu?",
		},
		"the policy does not list the environment": {
			func(s *scene) { s.in.Policy.Environments = map[string]schemas.Environment{"fat": {}} }, false,
			schemas.VerdictInconclusive, "the policy does not know the environment pro-eu",
		},
		"more lines are missing than can be counted": {
			func(s *scene) {
				s.log.beat("n1", ago(8*24), observed("key/a/k1"))
				s.log.seq["n1"] = math.MaxUint64 - 500
				s.log.add("n1", ago(0.01), schemas.Event{Kind: schemas.EventHeartbeat, Subjects: []schemas.SubjectState{observed("key/a/k1")}})
				boot := strings.ReplaceAll(s.log.lines[len(s.log.lines)-1], `"boot-n1"`, `"again"`)
				s.log.lines = append(s.log.lines, strings.Replace(boot, strconv.FormatUint(s.log.seq["n1"], 10), "1500", 1))
			}, true,
			schemas.VerdictInconclusive, "18446744073709551615 lines are missing in the log of node n1",
		},
		"hours are missing": {
			func(s *scene) { s.nodeWithGap(ago(40), ago(37)) }, true,
			schemas.VerdictInconclusive, "node n1 was silent for 3 hours",
		},
		"but not those before the window": {
			func(s *scene) { s.nodeWithGap(ago(7*24+10), ago(7*24+5)) }, true,
			schemas.VerdictPromote, "",
		},
		"and only as far as they are in it": {
			func(s *scene) { s.nodeWithGap(ago(7*24+3), ago(7*24-1)) }, true,
			schemas.VerdictInconclusive, "node n1 was silent for 1 hour",
		},
		"lines are missing": {
			func(s *scene) { s.loseLines(3) }, true,
			schemas.VerdictInconclusive, "5 lines are missing in the log of node n1",
		},
		"but not those before the window, either": {
			func(s *scene) { s.loseLines(7*24 + 1) }, true,
			schemas.VerdictPromote, "",
		},
		"lines cannot be read": {
			func(s *scene) { s.log.lines = append(s.log.lines, "?\n") }, false,
			schemas.VerdictInconclusive, "1 of 196 lines were not understood, more than a share of 0.001",
		},
		"fewer than the policy forgives": {
			func(s *scene) {
				s.log.lines = append(s.log.lines, "?\n")
				s.in.Policy.Gates = map[schemas.Tier]schemas.Gate{schemas.TierProduction: {MaxUnparsed: new(0.01)}}
			}, false,
			schemas.VerdictPromote, "",
		},
		"a client in the way outweighs it": {
			func(s *scene) { s.loseLines(3); s.request("10.0.0.9", verified, failed, 9) }, true,
			schemas.VerdictBlocked, "",
		},
		"and it outweighs a wait": {
			func(s *scene) { s.loseLines(3); s.expect("month-end") }, true,
			schemas.VerdictInconclusive, "5 lines are missing in the log of node n1",
		},
	})
}

// loseLines makes n1 report every hour, and drops five lines that it wrote at
// most so many hours before noon.
func (s *scene) loseLines(hours float64) {
	for at := ago(8 * 24); at.Before(noon); at = at.Add(time.Hour) {
		if at.Equal(ago(hours)) {
			s.log.seq["n1"] += 5
		}
		s.log.add("n1", at, schemas.Event{Kind: schemas.EventHeartbeat, Subjects: []schemas.SubjectState{observed("key/a/k1")}})
	}
	s.log.add("n1", ago(0.1), schemas.Event{Kind: schemas.EventHeartbeat, Subjects: []schemas.SubjectState{observed("key/a/k1")}})
}

// nodeWithGap makes n1 report every hour but those from one moment to another.
func (s *scene) nodeWithGap(from, to time.Time) {
	for at := ago(8 * 24); at.Before(noon); at = at.Add(time.Hour) {
		if at.Before(from) || !at.Before(to) {
			s.log.add("n1", at.Add(50*time.Minute), schemas.Event{
				Kind: schemas.EventHeartbeat, Subjects: []schemas.SubjectState{observed("key/a/k1")},
			})
		}
	}
}

// A node that has not loaded the key cannot have seen it pass or fail.
func TestGateNeedsTheKeyLoaded(t *testing.T) {
	t.Parallel()
	node := func(state ...schemas.SubjectState) func(*scene) {
		return func(s *scene) {
			s.log.beat("n1", ago(8*24), observed("key/a/k1"))
			s.log.beat("n2", ago(8*24), state...)
		}
	}
	runGate(t, map[string]gateTest{
		"by all": {node(observed("key/A/k1")), true, schemas.VerdictPromote, ""},
		"not at all": {
			node(observed("key/a/k2")), true,
			schemas.VerdictInconclusive, "node n2 has not loaded key/a/k1",
		},
		"another mode": {
			node(schemas.SubjectState{Subject: "key/a/k1", Mode: schemas.ModeDisabled}), true,
			schemas.VerdictInconclusive, "node n2 still has key/a/k1 in mode disabled",
		},
		"without a key": {
			node(schemas.SubjectState{Subject: "key/a/k1", Mode: schemas.ModeObserve}), true,
			schemas.VerdictInconclusive, "node n2 could not read the key of key/a/k1",
		},
		"another key": {
			node(schemas.SubjectState{Subject: "key/a/k1", Mode: schemas.ModeObserve, Fingerprint: "ffffffffffff"}), true,
			schemas.VerdictInconclusive, "node n2 uses another key for key/a/k1 than other nodes",
		},
	})
}

// The keys of an app are judged together: the clients of one that stays behind
// would be refused by the other.
func TestGateJudgesKeysOfAnAppTogether(t *testing.T) {
	t.Parallel()
	keys := func(since time.Time, loaded ...schemas.SubjectState) func(*scene) {
		return func(s *scene) {
			s.since("key/A/k2", since)
			s.log.beat("n1", ago(8*24), append(loaded, observed("key/a/k1"))...)
		}
	}
	runGate(t, map[string]gateTest{
		"both ready":  {keys(ago(8*24), observed("key/A/k2")), true, schemas.VerdictPromote, ""},
		"one too new": {keys(ago(24), observed("key/A/k2")), true, schemas.VerdictWait, "observed for 1d of 7d"},
		"one not loaded": {
			keys(ago(8 * 24)), true,
			schemas.VerdictInconclusive, "node n1 has not loaded key/A/k2",
		},
		"a client of the other key": {
			func(s *scene) {
				s.since("key/a/k2", ago(8*24))
				s.log.beat("n1", ago(8*24), observed("key/a/k1"), observed("key/a/k2"))
				s.log.request("n1", "key/a/k2", "job", claimed, passed, ago(90))
				s.request("job", claimed, failed, 80)
				s.log.request("n1", "key/a/k2", "job", claimed, passed, ago(70))
				s.request("job", claimed, passed, 60)
			}, true,
			schemas.VerdictPromote, "2 clients pass, and none that is known fails",
		},
	})
}

// One more key beside an enforced one only lets more pass: who fails now is
// refused already.
func TestGateLetsAKeyBesideAnEnforcedOneIn(t *testing.T) {
	t.Parallel()
	beside := func(more ...schemas.SubjectState) func(*scene) {
		return func(s *scene) {
			s.in.Rollout.Subjects["key/A/k0"] = schemas.RolloutSubject{Mode: schemas.ModeEnforce, Since: ago(99)}
			s.since("key/a/k1", ago(1))
			s.request("10.0.0.9", verified, failed, 9)
			s.log.beat("n1", ago(2), more...)
		}
	}
	runGate(t, map[string]gateTest{
		"loaded": {
			beside(observed("key/a/k1")), true,
			schemas.VerdictPromote, "another key of the app is enforced already: one more only lets more pass",
		},
		"not loaded": {beside(), true, schemas.VerdictInconclusive, "node n1 has not loaded key/a/k1"},
		"straight from disabled, where Apollo is the target": {
			func(s *scene) {
				beside()(s)
				s.in.Rollout.Subjects["key/a/k1"] = schemas.RolloutSubject{Mode: schemas.ModeDisabled, Since: ago(1)}
				s.in.Target, s.in.Secrets = &schemas.PlanTarget{Name: TargetApollo}, map[string]error{"key/a/k1": nil}
			}, true,
			schemas.VerdictPromote, "another key of the app is enforced already: one more only lets more pass",
		},
		"straight from disabled, without its secret": {
			func(s *scene) {
				beside()(s)
				s.in.Rollout.Subjects["key/a/k1"] = schemas.RolloutSubject{Mode: schemas.ModeDisabled, Since: ago(1)}
				s.in.Target, s.in.Secrets = &schemas.PlanTarget{Name: TargetApollo}, map[string]error{"key/a/k1": errors.New("secret env:K: it is empty")}
			}, true,
			schemas.VerdictWait, "secret env:K: it is empty",
		},
		"unknown environment": {
			func(s *scene) {
				beside(observed("key/a/k1"))(s)
				s.in.Policy.Environments = map[string]schemas.Environment{"fat": {}}
			}, true,
			schemas.VerdictInconclusive, "the policy does not know the environment pro-eu",
		},
	})
}

func TestGateObserve(t *testing.T) {
	t.Parallel()
	errNoKey := errors.New("secret env:K: it is empty")
	disabled := func(secrets map[string]error) func(*scene) {
		return func(s *scene) {
			s.in.Rollout.Subjects["key/a/k1"] = schemas.RolloutSubject{Mode: schemas.ModeDisabled, Since: ago(1)}
			s.in.Secrets = secrets
			s.request("10.0.0.9", verified, failed, 9)
		}
	}
	runGate(t, map[string]gateTest{
		"ready": {
			disabled(map[string]error{"key/a/k1": nil}), false,
			schemas.VerdictPromote, "its secret can be read and all nodes report",
		},
		"no secret": {
			disabled(map[string]error{"key/a/k1": errNoKey}), false,
			schemas.VerdictWait, "secret env:K: it is empty",
		},
		"nobody looked": {disabled(nil), false, schemas.VerdictInconclusive, "nobody has looked for its secret"},
		"unknown environment": {
			func(s *scene) {
				disabled(map[string]error{"key/a/k1": nil})(s)
				s.in.Policy.Environments = map[string]schemas.Environment{"fat": {}}
			}, false,
			schemas.VerdictInconclusive, "the policy does not know the environment pro-eu",
		},
		"no node": {disabled(map[string]error{"key/a/k1": nil}), true, schemas.VerdictInconclusive, "node n1 has never reported"},
	})
}

// A wait is over when the last of its reasons is, and that of a client that is
// missing when it is due.
func TestGateReady(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.since("key/a/k1", ago(5*24))
	s.request("web", verified, failed, 60)
	if v := s.judge(t, false); v.Ready == nil || !v.Ready.Equal(noon.Add(2*24*time.Hour)) || len(v.Reasons) != 2 {
		t.Errorf("ready %v because of %q, want in two days", v.Ready, v.Reasons)
	}
	s = newScene()
	s.since("key/a/k1", ago(5*24))
	s.expect("month-end")
	if v := s.judge(t, false); v.Ready == nil || !v.Ready.Equal(ago(5*24).AddDate(0, 0, 31)) || len(v.Reasons) != 2 {
		t.Errorf("ready %v because of %q, want it when the client is due", v.Ready, v.Reasons)
	}
}

func TestGateListsClients(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.request("10.0.0.9", claimed, failed, 9, 8)
	s.request("10.0.0.9", claimed, schemas.ReasonSkew, 7)
	s.request("job", claimed, passed, 90)
	s.request("job", claimed, failed, 80)
	v := s.judge(t, false)
	last := func(hours float64) *time.Time { at := ago(hours); return &at }
	wantBlocking := []schemas.ClientEvidence{{
		Client: "job", How: claimed, OK: 1, Fail: 1, Reasons: map[schemas.Reason]uint64{failed: 1}, Last: last(80),
	}}
	wantStrangers := []schemas.ClientEvidence{{
		Client: "10.0.0.9", How: claimed, Fail: 3,
		Reasons: map[schemas.Reason]uint64{failed: 2, schemas.ReasonSkew: 1}, Last: last(7),
	}}
	if diff := cmp.Diff(wantBlocking, v.Blocking) + cmp.Diff(wantStrangers, v.Strangers); diff != "" || v.Clients != 3 {
		t.Errorf("%d clients, want 3; blocking and strangers differ (-want +got):\n%s", v.Clients, diff)
	}
}

// The worked definition of "observations after its last failure".
func TestGoodSinceFailure(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fail float64
		ok   []float64
		want int
	}{
		"before the failure":               {10.5, []float64{12, 11.5}, 0},
		"earlier in its hour":              {10.5, []float64{10.9}, 0},
		"later in its hour":                {10.5, []float64{10.1}, 1},
		"at the same moment":               {10.5, []float64{10.5}, 0},
		"later hours":                      {10.5, []float64{9.9, 9.5, 3}, 2},
		"in its hour, then in a later one": {10.5, []float64{10.1, 3}, 1},
		"the next day":                     {13, []float64{11, 1}, 2},
	}
	for name, test := range tests {
		c := &client{okHours: hours{}, lastFail: ago(test.fail).UnixMilli()}
		for _, h := range test.ok {
			ms := ago(h).UnixMilli()
			c.okHours.add(ms)
			c.lastOK = max(c.lastOK, ms)
		}
		if got := c.goodSinceFailure(); got != test.want {
			t.Errorf("%s: %d observations, want %d", name, got, test.want)
		}
	}
}

// Whatever else there is: a verdict that promotes has no known client that
// would be refused, and more failures never turn a verdict into a pass.
func TestGateNeverPromotesOverABlockingClient(t *testing.T) {
	t.Parallel()
	s := newScene()
	before := s.judge(t, false)
	s.request("web", verified, failed, 0.5)
	s.in.Evidence = fold(t, "pro-eu", s.log.lines...)
	after := newGate(&s.in).verdicts()[0]
	if before.Verdict != schemas.VerdictPromote || after.Verdict != schemas.VerdictBlocked || !strings.Contains(after.Reasons[0], "web") {
		t.Errorf("%s, then %s because of %q", before.Verdict, after.Verdict, after.Reasons)
	}
}

// Counts that have no room must not make failures look like none.
func TestCountsSaturate(t *testing.T) {
	t.Parallel()
	s := newScene()
	for _, node := range []string{"n1", "n2", "n3"} { // two of them make -2, three -3
		s.log.request(node, "key/a", "10.0.0.9", verified, failed, ago(9))
		s.log.request(node, "key/a/k1", "10.0.0.9", verified, passed, ago(9.5))
	}
	for i, line := range s.log.lines {
		s.log.lines[i] = strings.Replace(line, `"count":1`, `"count":`+strconv.FormatUint(1<<63, 10), 1)
	}
	v := s.judge(t, false)
	blocking := v.Blocking
	if v.Verdict != schemas.VerdictBlocked || len(blocking) != 1 || blocking[0].Fail != math.MaxUint64 || blocking[0].OK != math.MaxUint64 ||
		blocking[0].Reasons[failed] != math.MaxUint64 {
		t.Errorf("%s because of %q, blocking %+v", v.Verdict, v.Reasons, blocking)
	}
	for c := range s.in.Evidence.Clients() {
		if c.OK+c.Fail != math.MaxUint64 || (c.Fail > 0 && c.Reasons[failed] != math.MaxUint64) {
			t.Errorf("the evidence counts %+v", c)
		}
	}
	s.in.Rollout.Version = 1
	if plan := decodePlan(t, encode(t, s.in)); plan.Subjects[0].Blocking[0].Fail != math.MaxUint64 {
		t.Errorf("the plan counts %+v", plan.Subjects[0].Blocking[0])
	}
}

// TestGateOverflow makes sure that clients nobody could tell apart are no
// pass, and that invented ones do not stop a rollout.
func TestGateOverflow(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		how    schemas.How
		reason schemas.Reason
		want   schemas.Verdict
	}{
		"some of it passes":     {claimed, passed, schemas.VerdictInconclusive},
		"invented names fail":   {claimed, failed, schemas.VerdictPromote},
		"verified clients fail": {verified, failed, schemas.VerdictBlocked},
		"verified clients pass": {verified, passed, schemas.VerdictInconclusive},
	} {
		s := newScene()
		s.request(schemas.OverflowClient, test.how, test.reason, 90, 80)
		if v := s.judge(t, false); v.Verdict != test.want {
			t.Errorf("%s: %s %v, want %s", name, v.Verdict, v.Reasons, test.want)
		}
	}
}

// What a source could not tell is never taken for nothing, unless it was
// before the time that is judged.
func TestGateKnowsUnknownWindows(t *testing.T) {
	t.Parallel()
	const day = 24
	window := func(source string, from, to float64) UnknownWindow {
		return UnknownWindow{Source: source, From: ago(from), To: ago(to), Reason: "it was cut off"}
	}
	for name, test := range map[string]struct {
		unknown []UnknownWindow
		verdict schemas.Verdict
		reasons []string
	}{
		"inside":               {[]UnknownWindow{window("ch", 3*day, 2*day)}, schemas.VerdictInconclusive, []string{"ch could not be read from 2026-11-18 12:00Z to 2026-11-19 12:00Z: it was cut off"}},
		"reaches into it":      {[]UnknownWindow{window("ch", 30*day, 6*day)}, schemas.VerdictInconclusive, []string{"ch could not be read from 2026-10-22 12:00Z to 2026-11-15 12:00Z: it was cut off"}},
		"the last moment":      {[]UnknownWindow{window("ch", 0.01, 0)}, schemas.VerdictInconclusive, nil},
		"before":               {[]UnknownWindow{window("ch", 30*day, 8*day)}, schemas.VerdictPromote, nil},
		"each source has one":  {[]UnknownWindow{window("ch", 3, 2), window("vl", 3, 2), window("ch", 2, 1), window("ch", 1, 0)}, schemas.VerdictInconclusive, []string{"ch could not be read from 2026-11-21 09:00Z to 2026-11-21 10:00Z, nor 2 windows more: it was cut off", "vl could not be read from 2026-11-21 09:00Z to 2026-11-21 10:00Z: it was cut off"}},
		"an odd name and text": {[]UnknownWindow{{Source: "c\x1bh", From: ago(2), To: ago(1), Reason: "a\x1bb"}}, schemas.VerdictInconclusive, []string{`"c\x1bh" could not be read from 2026-11-21 10:00Z to 2026-11-21 11:00Z: "a\x1bb"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene()
			s.judge(t, false)
			s.in.Evidence.Unknown = test.unknown
			v := newGate(&s.in).verdicts()[0]
			if v.Verdict != test.verdict || (test.reasons != nil && !slices.Equal(v.Reasons, test.reasons)) {
				t.Errorf("%s because of %q, want %s because of %q", v.Verdict, v.Reasons, test.verdict, test.reasons)
			}
		})
	}
}

// Whoever is known to fail blocks also where windows are unknown, and those are
// named all the same.
func TestGateBlocksBesideUnknownWindows(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.request("job", verified, failed, 20)
	s.judge(t, false)
	s.in.Evidence.Unknown = []UnknownWindow{{Source: "vl", From: ago(3), To: ago(2), Reason: "it took too long"}}
	v := newGate(&s.in).verdicts()[0]
	const want = "vl could not be read from 2026-11-21 09:00Z to 2026-11-21 10:00Z: it took too long"
	if v.Verdict != schemas.VerdictBlocked || !slices.Contains(v.Reasons, want) {
		t.Errorf("%s because of %q, want blocked and %q", v.Verdict, v.Reasons, want)
	}
}
