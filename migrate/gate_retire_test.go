package migrate

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// rotating is a scene where k2 has been enforced beside k1 for eight days, web
// has moved to it, and k1 is to be retired.
func rotating() *scene {
	s := newScene()
	s.log = newEventLog()
	s.in.Rollout.Subjects = map[string]schemas.RolloutSubject{
		"key/a/k1": {Mode: schemas.ModeEnforce, Since: ago(60 * 24), Secret: "env:K"},
		"key/A/k2": {Mode: schemas.ModeEnforce, Since: ago(8 * 24), Secret: "env:L"},
	}
	s.in.Retire = []string{"key/a/k1"}
	s.use("web", "key/a/k1", 100)
	s.use("web", "key/a/k2", 90, 50, 1)
	return s
}

// use adds a request that passes by a key at each of the given hours before noon.
func (s *scene) use(client, key string, hours ...float64) {
	for _, h := range hours {
		s.log.request("n1", key, client, verified, passed, ago(h))
	}
}

func (s *scene) plan(t *testing.T) *schemas.Plan {
	t.Helper()
	states := []schemas.SubjectState{}
	for _, name := range s.in.Rollout.Names() {
		states = append(states, schemas.SubjectState{Subject: name, Mode: s.in.Rollout.Subjects[name].Mode, Fingerprint: "3fa9c1d2e4b5"})
	}
	s.log.beat("n1", ago(8*24), states...)
	s.in.Evidence = fold(t, "pro-eu", s.log.lines...)
	plan, err := NewPlan(s.in)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestGateRetire(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil   func(*scene)
		verdict schemas.Verdict
		reason  string
	}{
		"all have moved": {func(*scene) {}, schemas.VerdictPromote, "1 client passes by other keys, and none still needs this one"},
		"one that never moved": {
			func(s *scene) { s.use("old-job", "key/a/k1", 100, 30) },
			schemas.VerdictBlocked, "1 client would be refused: old-job (verified, signature 2)",
		},
		"one that went back": {
			func(s *scene) { s.use("web", "key/a/k1", 0.5) },
			schemas.VerdictBlocked, "1 client would be refused: web (verified, signature 2)",
		},
		"moved, but not for long": {
			func(s *scene) { s.use("web", "key/a/k1", 60) },
			schemas.VerdictWait, "a verified client used it last at 2026-11-19 00:00Z, less than 3d ago",
		},
		"failures are of today": {func(s *scene) { s.request("bot", verified, failed, 3) }, schemas.VerdictPromote, ""},
		"an expected client is missing": {
			func(s *scene) { s.expect("month-end") },
			schemas.VerdictWait, "1 expected client has not come since 2026-11-13 12:00Z: month-end (monthly, due 2026-12-14)",
		},
		"nobody uses the other": {
			func(s *scene) { s.log = newEventLog(); s.in.Inventory.Clients = nil },
			schemas.VerdictInconclusive, "no client has passed since 2026-11-13 12:00Z",
		},
		"enforced since yesterday": {
			func(s *scene) {
				k2 := s.in.Rollout.Subjects["key/A/k2"]
				k2.Since = ago(40)
				s.in.Rollout.Subjects["key/A/k2"] = k2
			}, schemas.VerdictWait, "observed for 1d 16h of 7d",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := rotating()
			test.spoil(s)
			plan := s.plan(t)
			i := slices.IndexFunc(plan.Subjects, func(v schemas.SubjectVerdict) bool { return v.Subject == "key/a/k1" })
			v := plan.Subjects[i]
			if v.To != schemas.ModeObserve || v.Verdict != test.verdict || test.reason != "" && v.Reasons[0] != test.reason {
				t.Errorf("→ %s: %s because of %q, want %s because of %q", v.To, v.Verdict, v.Reasons, test.verdict, test.reason)
			}
			if ready := len(plan.Batches) == 1 && plan.Batches[0].ID == "retire-1"; ready != (v.Verdict == schemas.VerdictPromote) {
				t.Errorf("%s with the batches %+v", v.Verdict, plan.Batches)
			}
			if ready := len(plan.Rollback) == 1 && plan.Rollback[0].To == schemas.ModeEnforce; ready != (v.Verdict == schemas.VerdictPromote) {
				t.Errorf("%s with the way back %+v", v.Verdict, plan.Rollback)
			}
		})
	}
}

// The plan tells who uses which key, whether one is to be retired or not.
func TestKeyUses(t *testing.T) {
	t.Parallel()
	s := rotating()
	s.in.Retire = nil
	s.use("old-job", "key/a/k1", 100, 30)
	uses := s.plan(t).Keys
	if len(uses) != 2 || uses[0].Subject != "key/A/k2" || uses[0].Used != 1 || uses[0].Still != 1 || !slices.Equal(uses[0].Users, []string{"web"}) {
		t.Fatalf("of the new key: %+v", uses)
	}
	if old := uses[1]; old.Used != 2 || old.Still != 1 || !slices.Equal(old.Users, []string{"old-job"}) || !old.Last.Equal(ago(30)) {
		t.Errorf("of the old key: %+v", old)
	}
}

// What was retired is not proposed again, and is disabled if that is asked for
// and nobody wanted it back for a while.
func TestGateAfterRetiring(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		retired float64 // hours ago
		mode    schemas.Mode
		ask     bool
		want    string // to and verdict; empty if there is no next step
	}{
		{1, schemas.ModeObserve, false, ""},
		{1, schemas.ModeObserve, true, "disabled wait"},
		{170, schemas.ModeObserve, true, "disabled promote"},
		{170, schemas.ModeDisabled, false, ""},
	} {
		s := rotating()
		if !test.ask {
			s.in.Retire = nil
		}
		s.in.Rollout.Subjects["key/a/k1"] = schemas.RolloutSubject{Mode: test.mode, Since: ago(test.retired), Secret: "env:K", Batch: "retire-3"}
		got := ""
		plan := s.plan(t)
		for _, v := range plan.Subjects {
			got = string(v.To) + " " + string(v.Verdict)
		}
		if got != test.want || strings.HasSuffix(got, "promote") != (len(plan.Batches) == 1 && plan.Batches[0].ID == "retire-4") {
			t.Errorf("%s, retired %g hours ago: %q with %+v, want %q", test.mode, test.retired, got, plan.Batches, test.want)
		}
	}
}

func TestNewPlanRefusesToRetire(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*scene)
		want   string
	}{
		"unknown":  {func(s *scene) { s.in.Retire = []string{"key/a/k9"} }, "key/a/k9 cannot be retired: the rollout does not list it"},
		"all":      {func(s *scene) { s.in.Retire = []string{"key/a/k1", "key/A/k2"} }, "key/a/k1 and another key of its app cannot be retired together"},
		"the last": {func(s *scene) { delete(s.in.Rollout.Subjects, "key/A/k2") }, "key/a/k1 cannot be retired: no other key of its app is enforced"},
		"beside a share": {func(s *scene) {
			s.in.Rollout.Subjects["key/A/k2"] = schemas.RolloutSubject{Mode: schemas.ModeEnforce, Share: 5}
		}, "key/a/k1 cannot be retired: no other key of its app is enforced"},
		"beside a brownout that is over": {func(s *scene) {
			s.in.Rollout.Subjects["key/A/k2"] = schemas.RolloutSubject{Mode: schemas.ModeEnforce, Until: ago(1), Then: schemas.ModeObserve}
		}, "key/a/k1 cannot be retired: no other key of its app is enforced"},
		"not enforced": {func(s *scene) {
			s.in.Rollout.Subjects["key/a/k1"] = schemas.RolloutSubject{Mode: schemas.ModeObserve}
		}, "key/a/k1 cannot be retired: it is not enforced"},
	} {
		s := rotating()
		test.change(s)
		_, err := NewPlan(s.in)
		if err == nil || err.Error() != test.want || len(schemas.Hints(err)) == 0 {
			t.Errorf("%s: error %v, want %q and a hint", name, err, test.want)
		}
	}
}

// Until it enforces all clients for ever, a key with a share or in a brownout
// is judged like one that observes, in the mode that its nodes have.
func TestGateOfAShare(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.in.Rollout.Subjects["key/a/k1"] = schemas.RolloutSubject{Mode: schemas.ModeEnforce, Since: ago(8 * 24), Share: 10, Batch: "enforce-1"}
	plan := s.plan(t)
	if len(plan.Subjects) != 1 || plan.Subjects[0].Verdict != schemas.VerdictPromote || plan.Subjects[0].To != schemas.ModeEnforce {
		t.Fatalf("subjects %+v", plan.Subjects)
	}
	if back := plan.Batches[0].Rollback; len(back) != 1 || back[0].To != schemas.ModeObserve {
		t.Errorf("the way back is %+v", back)
	}
	s.in.Rollout.Subjects["key/a/k1"] = schemas.RolloutSubject{
		Mode: schemas.ModeEnforce, Since: ago(8 * 24), Until: noon.Add(time.Hour), Then: schemas.ModeObserve,
	}
	if p := s.plan(t); len(p.Subjects) != 1 || p.Subjects[0].Verdict != schemas.VerdictPromote {
		t.Errorf("a brownout is not judged like it: %+v", p.Subjects)
	}
	s.request("web", verified, failed, 0.5)
	if v := s.plan(t).Subjects[0]; v.Verdict != schemas.VerdictBlocked {
		t.Errorf("%s though a client fails: %q", v.Verdict, v.Reasons)
	}
}
