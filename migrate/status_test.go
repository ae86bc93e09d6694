package migrate

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// Where several subjects are in several states, one step that may be taken is
// what counts, then the subject that is farthest from it; drift beats all.
func TestStatusState(t *testing.T) {
	t.Parallel()
	const promote, wait, blocked, inconclusive = schemas.VerdictPromote, schemas.VerdictWait, schemas.VerdictBlocked, schemas.VerdictInconclusive
	for name, c := range map[string]struct {
		verdicts []schemas.Verdict
		drift    []string
		unknown  []string
		want     State
	}{
		"nothing left":            {nil, nil, nil, StateDone},
		"ready":                   {[]schemas.Verdict{promote}, nil, nil, StateReady},
		"one of many is ready":    {[]schemas.Verdict{blocked, inconclusive, promote, wait}, nil, nil, StateReady},
		"waiting":                 {[]schemas.Verdict{wait, wait}, nil, nil, StateWaiting},
		"inconclusive over wait":  {[]schemas.Verdict{inconclusive, wait}, nil, nil, StateInconclusive},
		"blocked over all others": {[]schemas.Verdict{wait, blocked, inconclusive}, nil, nil, StateBlocked},
		"drift over ready":        {[]schemas.Verdict{promote}, []string{"x"}, nil, StateDrift},
		"drift at the end":        {nil, []string{"x"}, nil, StateDrift},
		"drift over unknown":      {nil, []string{"x"}, []string{"y"}, StateDrift},
		"unknown over ready":      {[]schemas.Verdict{promote}, nil, []string{"y"}, StateInconclusive},
		"unknown over blocked":    {[]schemas.Verdict{blocked}, nil, []string{"y"}, StateInconclusive},
		"unknown at the end":      {nil, nil, []string{"y"}, StateInconclusive},
	} {
		in, plan := demoInput(8), &schemas.Plan{}
		for _, v := range c.verdicts {
			plan.Subjects = append(plan.Subjects, schemas.SubjectVerdict{Subject: "key/demo/k1", Verdict: v, To: schemas.ModeObserve})
		}
		if got := viewOf(t, in, plan, History{Drift: c.drift, Unknown: c.unknown}).Status().State; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// The first subject that is ready is the next step.
func TestStatusReady(t *testing.T) {
	t.Parallel()
	soon, late := noon.Add(time.Hour), noon.Add(9*time.Hour)
	plan := &schemas.Plan{Subjects: []schemas.SubjectVerdict{
		{Verdict: schemas.VerdictWait, Ready: &late}, {Verdict: schemas.VerdictWait}, {Verdict: schemas.VerdictWait, Ready: &soon},
	}}
	s := viewOf(t, demoInput(8), plan, History{}).Status()
	if s.Ready == nil || !s.Ready.Equal(soon) || s.next() != "wait; a step is ready 2026-11-21 13:00Z if nothing fails until then" {
		t.Errorf("ready %v, next: %s", s.Ready, s.next())
	}
}

// Who is told that evidence is missing is told which, and how to get it.
func TestStatusNextEvidence(t *testing.T) {
	t.Parallel()
	unheard := SubjectStatus{Subject: "tls/db", To: schemas.ModeEnforce, State: StateInconclusive}
	heard, unobserved := unheard, unheard
	heard.Clients, unobserved.To = 1, schemas.ModeObserve
	for want, s := range map[string]Status{
		"get tallies of tls/db into the logs: `lockstep run ": {Subjects: []SubjectStatus{heard, unheard}},
		"mend the evidence: nodes that are silent":            {Subjects: []SubjectStatus{heard, unobserved, {Subject: "key/a/k1", To: schemas.ModeEnforce, State: StateInconclusive}}},
		"put the secrets where their references lead":         {Subjects: []SubjectStatus{unheard}, Unknown: []string{"key/a/k1"}},
	} {
		s.State = StateInconclusive
		if got := s.next(); !strings.HasPrefix(got, want) {
			t.Errorf("%+v: next: %s, want %s", s.Subjects, got, want)
		}
	}
}

// Programs find lists where there may be some, and the word that decides.
func TestStatusJSON(t *testing.T) {
	t.Parallel()
	in := caseInput(t, filepath.Join(casesDir, "in-the-way"))
	var text strings.Builder
	if err := viewOf(t, in, nil, History{}).Status().WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Status   string
		Drift    []string
		Subjects []struct {
			Subject, Status string
			Blocking        int
			Risk            *float64
			EValue          *float64 `json:"e_value"`
			Ready           *time.Time
		}
		Refused  struct{ Clients, Strangers int }
		Expected float64 `json:"expected_refused"`
	}
	if err := json.Unmarshal([]byte(text.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got.Status != "blocked" || got.Drift == nil || len(got.Subjects) != 4 || got.Subjects[0].Blocking != 1 || got.Subjects[2].Ready == nil {
		t.Errorf("%+v in\n%s", got, text.String())
	}
	sum := 0.0
	for _, subject := range got.Subjects {
		if subject.Risk == nil || subject.EValue == nil || *subject.EValue == 0 {
			t.Fatalf("no risk or e-value of %s", subject.Subject)
		}
		sum += *subject.Risk
	}
	if got.Expected != significant(sum) || sum == 0 {
		t.Errorf("expected to be refused: %g, the sum is %g", got.Expected, sum)
	}
	if got.Refused.Clients != 2 || got.Refused.Strangers != 1 {
		t.Errorf("refused %+v, want 2 clients and 1 stranger", got.Refused)
	}
}

// Two keys of an app are two ways to the same clients, whose risk counts once.
func TestExpectedRefused(t *testing.T) {
	t.Parallel()
	risk := &schemas.Risk{Total: 0.5}
	plan := &schemas.Plan{Subjects: []schemas.SubjectVerdict{{Subject: "key/a/k1", Risk: risk}, {Subject: "key/A/k2", Risk: risk}, {Subject: "key/b/k1", Risk: risk}, {Subject: "key/c/k1"}}}
	if got := expectedRefused(plan); got != 1 {
		t.Errorf("%g clients, want 1", got)
	}
}

// A node drifts if it says another mode a while after the change, not before
// it can know, and not if it does not know the subject at all.
func TestNodeDrift(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mode  schemas.Mode
		since time.Time
		want  string
	}{
		"as decided":      {schemas.ModeObserve, noon.Add(-time.Hour), ""},
		"just changed":    {schemas.ModeEnforce, noon.Add(-settled), ""},
		"overridden":      {schemas.ModeDisabled, noon.Add(-settled - time.Second), "node n1 has key/demo/k1 in mode disabled, the rollout in mode observe"},
		"not loaded":      {"", noon.Add(-time.Hour), ""},
		"hostile heading": {"\x1b[2J", noon.Add(-time.Hour), `node n1 has key/demo/k1 in mode "\x1b[2J", the rollout in mode observe`},
	} {
		in := demoInput(8)
		in.Rollout.Subjects["key/demo/k1"] = schemas.RolloutSubject{Mode: schemas.ModeObserve, Since: c.since}
		in.Evidence.Nodes[0].Subjects[0].Mode = c.mode
		if got := strings.Join(nodeDrift(&in), "\n"); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// The journal beside a rollout file shows what was done to it by hand.
func TestHistoryDrift(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(t *testing.T, rollout, journal string)
		want   string // empty: no drift
	}{
		"untouched":   {func(*testing.T, string, string) {}, ""},
		"no journal":  {func(t *testing.T, _, journal string) { t.Helper(); remove(t, journal) }, "ends at entry 0"},
		"hand edit":   {func(t *testing.T, rollout, _ string) { t.Helper(); replaceIn(t, rollout, "observe", "disabled") }, "edited by hand since entry 2 of its journal: key/demo/k1 observe → disabled"},
		"bent":        {func(t *testing.T, _, journal string) { t.Helper(); replaceIn(t, journal, "because", "BECAUSE") }, "the journal is broken: "},
		"not applied": {func(t *testing.T, rollout, _ string) { t.Helper(); writeFile(t, rollout, enforcing) }, "the rollout file does not show entry 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := writeFile(t, filepath.Join(t.TempDir(), "rollout.yaml"), enforcing)
			_, err := Rollback(t.Context(), RollbackOptions{RolloutPath: path, All: true, To: schemas.ModeObserve, Reason: "because", Now: noon, Who: "lee"})
			if err != nil {
				t.Fatal(err)
			}
			c.change(t, path, journalPath(path))
			history, err := ReadHistory(path, document(t, path, schemas.DecodeRollout))
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(history.Drift, "\n")
			if !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
				t.Errorf("drift %q, want %q", got, c.want)
			}
		})
	}
}

const enforcing = `version: 1
environment: eu
tier: staging
subjects:
  key/demo/k1: {mode: enforce, since: 2026-10-01T00:00:00Z, secret: env:K}
`

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func replaceIn(t *testing.T, path, old, replacement string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, strings.ReplaceAll(string(text), old, replacement))
}

// Before the first step there is no journal, and a directory is none.
func TestHistoryWithoutJournal(t *testing.T) {
	t.Parallel()
	path := writeFile(t, filepath.Join(t.TempDir(), "rollout.yaml"), enforcing)
	rollout := document(t, path, schemas.DecodeRollout)
	if history, err := ReadHistory(path, rollout); err != nil || len(history.Drift)+len(history.Entries) > 0 || history.Path != journalPath(path) {
		t.Errorf("history %+v, error %v", history, err)
	}
	if err := os.Mkdir(journalPath(path), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := ReadHistory(path, rollout)
	if _, isIO := errors.AsType[*fs.PathError](err); !isIO {
		t.Errorf("error %v, want one of reading", err)
	}
}
