package migrate

import (
	"slices"
	"testing"
	"time"

	"lockstep/schemas"
)

// A rows is an app in an Apollo whose log, which tells of failures only, is
// complete for eight days, with one client whose row was renewed this morning:
// ready to be enforced, for a test to spoil.
type rows struct {
	*scene

	until time.Time // of the log
}

func newRows() *rows {
	s := &rows{newScene(), noon}
	s.log = newEventLog()
	s.in.Policy.Environments["pro-eu"] = schemas.Environment{Tier: schemas.TierProduction, Apollo: &schemas.ApolloTarget{}}
	s.row("10.0.0.7", 5)
	s.request(ProbeClient, claimed, schemas.ReasonMissing, 8*24)
	return s
}

// row adds a client whose row was renewed so many hours before noon.
func (s *rows) row(client string, hours float64) {
	s.in.Inventory.Clients = append(s.in.Inventory.Clients, schemas.InventoryClient{App: "A", Client: client, Last: ago(hours), Days: 30})
}

// rowVerdict gives the verdict on key/a/k1. The node says nothing of what it has loaded.
func (s *rows) verdict(t *testing.T) schemas.SubjectVerdict {
	t.Helper()
	for at := ago(8 * 24); !at.After(s.until); at = at.Add(time.Hour) {
		s.log.add("n1", at, schemas.Event{Kind: schemas.EventHeartbeat})
	}
	s.in.Evidence = fold(t, "pro-eu", s.log.lines...)
	s.in.Evidence.FailuresOnly = true
	verdicts := newGate(&s.in).verdicts()
	return verdicts[slices.IndexFunc(verdicts, func(v schemas.SubjectVerdict) bool { return v.Subject == "key/a/k1" })]
}

// Where only failures are logged, a row that was renewed is what a pass is.
func TestGateRows(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil   func(*rows)
		verdict schemas.Verdict
		reason  string
	}{
		"a row renewed in the window, no failure, complete logs": {
			func(*rows) {}, schemas.VerdictPromote, "1 client passes, and none that is known fails",
		},
		"apollo §3 trap 6: the log alone, without an inventory, is never enough": {
			func(s *rows) { s.in.Inventory.Clients = nil }, schemas.VerdictInconclusive, "no client has passed since 2026-11-13 12:00Z",
		},
		"a row that was not renewed": {
			func(s *rows) { s.in.Inventory.Clients[0].Last = ago(9 * 24) }, schemas.VerdictInconclusive, "no client has passed since 2026-11-13 12:00Z",
		},
		"a row renewed after the log ends": {
			func(s *rows) { s.in.Inventory.Clients[0].Last, s.until = ago(1), ago(2) },
			schemas.VerdictInconclusive, "node n1 has been silent since 2026-11-21 10:00Z",
		},
		"a row renewed by a clock that is ahead": {
			func(s *rows) { s.in.Inventory.Clients[0].Last = ago(-1) }, schemas.VerdictInconclusive, "no client has passed since 2026-11-13 12:00Z",
		},
		"a row renewed before the log of the other node begins": {
			func(s *rows) {
				s.in.Inventory.Clients[0].Last = ago(100)
				s.log.beat("n2", ago(90))
				s.log.request("n2", "key/a", ProbeClient, claimed, failed, ago(80))
			}, schemas.VerdictInconclusive, "no client has passed since 2026-11-13 12:00Z",
		},
		"a node that has checked nothing of the app": {
			func(s *rows) { s.log.beat("n2", ago(90)) },
			schemas.VerdictInconclusive, "nothing shows that node n2 checks app a: no failure since 2026-11-13 12:00Z, not even of a probe",
		},
		"one renewed, one not: it is waited for": {
			func(s *rows) { s.row("10.0.0.8", 10*24) }, schemas.VerdictWait, "1 expected client has not come since 2026-11-13 12:00Z: 10.0.0.8 (monthly, due 2026-12-12)",
		},
		"a failure under its address, and the row after it": {
			func(s *rows) { s.request("10.0.0.7", claimed, failed, 6) }, schemas.VerdictBlocked, "1 client would be refused: 10.0.0.7 (claimed, signature 1)",
		},
		"a failure long enough before the row": {
			func(s *rows) { s.request("10.0.0.7", claimed, failed, 5+48) }, schemas.VerdictPromote, "1 client passes, and none that is known fails",
		},
		"a failure one day before the row is one observation, and two are needed": {
			func(s *rows) { s.request("10.0.0.7", claimed, failed, 5+47) }, schemas.VerdictBlocked, "",
		},
		"a failure after the row": {
			func(s *rows) { s.request("10.0.0.7", claimed, failed, 1) }, schemas.VerdictBlocked, "",
		},
		"a failure before the key was observed": {
			func(s *rows) { s.request("10.0.0.7", claimed, failed, 9*24) }, schemas.VerdictPromote, "",
		},
		"apollo §2: before 2.5.2 the app of /configfiles/raw is raw": {
			func(s *rows) { s.log.request("n1", "key/raw", "10.0.0.7", claimed, failed, ago(1)) }, schemas.VerdictBlocked, "",
		},
		"raw, of a client that nobody expects here": {
			func(s *rows) { s.log.request("n1", "key/raw", "10.9.9.9", claimed, failed, ago(1)) }, schemas.VerdictPromote, "",
		},
		"apollo §3 trap 5: one address for a whole fleet hides whose failures they are": {
			func(s *rows) { s.request("10.1.1.1", claimed, failed, 1) },
			schemas.VerdictInconclusive, "1 address fails and in no inventory, and would hide whoever is behind it if it is a proxy: 10.1.1.1",
		},
		"apollo §3 trap 5: unless a dated line says that it is none": {
			func(s *rows) {
				s.request("10.1.1.1", claimed, failed, 1)
				s.in.Inventory.Strangers = []schemas.Decision{{Network: "10.1.0.0/16", By: "lee", Since: "2026-11-20", Until: "2026-12-31"}}
			}, schemas.VerdictPromote, "",
		},
		"apollo §3 trap 3: a log of which the first days are gone": {
			func(s *rows) {
				key := s.in.Rollout.Subjects["key/a/k1"]
				key.Since = ago(20 * 24)
				s.in.Rollout.Subjects["key/a/k1"] = key
				s.in.Policy.Gates[schemas.TierProduction] = schemas.Gate{Tau: new(99.0), MinWindow: new(schemas.Duration(14 * days))}
			}, schemas.VerdictWait, "observed for 8d of 14d",
		},
		"a hole in the log": {
			func(s *rows) { s.log.lines = nil; s.until = ago(30); s.log.beat("n1", ago(20)) },
			schemas.VerdictInconclusive, "",
		},
		"no failure at all, not even of a probe: nothing shows that the app is observed": {
			func(s *rows) { s.log.lines = nil }, schemas.VerdictInconclusive,
			"nothing shows that node n1 checks app a: no failure since 2026-11-13 12:00Z, not even of a probe",
		},
		"keys that lockstep run checks: the node has to say what it has loaded": {
			func(s *rows) {
				s.in.Policy.Environments["pro-eu"] = schemas.Environment{Tier: schemas.TierProduction}
			}, schemas.VerdictInconclusive, "node n1 has not loaded key/a/k1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newRows()
			test.spoil(s)
			v := s.verdict(t)
			if v.Verdict != test.verdict || (test.reason != "" && v.Reasons[0] != test.reason) {
				t.Errorf("%s because of %q, want %s because of %q", v.Verdict, v.Reasons, test.verdict, test.reason)
			}
		})
	}
}

// A pass that a row stands for is claimed, and of a key that is retired a row
// says nothing: it does not tell which key was used.
func TestRowsAreClaimed(t *testing.T) {
	t.Parallel()
	s := newRows()
	s.request("10.0.0.7", verified, failed, 100)
	if v := s.verdict(t); v.Verdict != schemas.VerdictBlocked || v.Blocking[0].How != schemas.HowVerified {
		t.Errorf("%s, blocked by %+v", v.Verdict, v.Blocking)
	}
	s = newRows()
	enforced := schemas.RolloutSubject{Mode: schemas.ModeEnforce, Since: ago(8 * 24), Secret: "env:K"}
	s.in.Rollout.Subjects = map[string]schemas.RolloutSubject{"key/a/k1": enforced, "key/a/k2": enforced}
	s.in.Retire = []string{"key/a/k1"}
	if v := s.verdict(t); v.Verdict != schemas.VerdictInconclusive {
		t.Errorf("retired: %s because of %q", v.Verdict, v.Reasons)
	}
}

// Evidence that tells of failures only is another one, and so is another
// time that a node may be silent.
func TestDigestOfFailures(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, e := range []*Evidence{{}, {FailuresOnly: true}, {MaxGap: 2 * time.Hour}} {
		digest, err := e.Digest()
		if err != nil {
			t.Fatal(err)
		}
		seen[digest] = true
	}
	if len(seen) != 3 {
		t.Errorf("digests %v", seen)
	}
}

// A node may be silent for as long as its mapping says.
func TestGateSilenceOfMapping(t *testing.T) {
	t.Parallel()
	s := newRows()
	s.until = ago(3)
	if v := s.verdict(t); v.Verdict != schemas.VerdictInconclusive {
		t.Errorf("%s because of %q", v.Verdict, v.Reasons)
	}
	s.in.Evidence.MaxGap = 4 * time.Hour
	if v := newGate(&s.in).verdicts()[0]; v.Verdict != schemas.VerdictPromote {
		t.Errorf("%s because of %q", v.Verdict, v.Reasons)
	}
}
