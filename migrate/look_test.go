package migrate

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"lockstep/schemas"
)

// demoInput is an environment with one observed app, whose clients a test adds.
func demoInput(days int) Input {
	start := noon.AddDate(0, 0, -days)
	e := &Evidence{Environment: "eu", source: mapTallies{}}
	e.Nodes = []Node{{Name: "n1", First: start, Last: noon, Hours: 24 * days, Subjects: []LoadedSubject{
		{SubjectState: schemas.SubjectState{Subject: "key/demo/k1", Mode: schemas.ModeObserve, Fingerprint: "abc"}},
	}}}
	e.Window = Window{From: start, To: noon}
	return Input{
		Now: noon, Evidence: e, Policy: &schemas.Policy{},
		Inventory: &schemas.Inventory{},
		Rollout: &schemas.Rollout{Version: 1, Environment: "eu", Tier: schemas.TierProduction, Subjects: map[string]schemas.RolloutSubject{
			"key/demo/k1": {Mode: schemas.ModeObserve, Since: start, Secret: "env:K"},
		}},
	}
}

// addVisit adds requests of a client, so many days ago.
func addVisit(in *Input, client string, daysAgo int, reason schemas.Reason, count uint64) {
	at := noon.AddDate(0, 0, -daysAgo).Add(-time.Hour)
	key := schemas.TallyKey{
		Environment: "eu", Node: "n1", Subject: "key/demo/k1", Client: client, How: schemas.HowClaimed,
		Outcome: schemas.OutcomeOK, Day: at.Format(time.DateOnly),
	}
	if reason != schemas.ReasonNone {
		key.Subject, key.Outcome, key.Reason = "key/demo", schemas.OutcomeFail, reason
	}
	var tally schemas.Tally
	tally.Add(at.UnixMilli())
	tally.Count = count
	tallies(in.Evidence)[key] = tally
}

// someEntries are a journal in which key/broken/k1 was enforced once.
func someEntries() []schemas.JournalEntry {
	state := func(mode schemas.Mode, since time.Time) *schemas.RolloutSubject {
		return &schemas.RolloutSubject{Mode: mode, Since: since, Secret: "env:CANARY"}
	}
	first, second := noon.AddDate(0, 0, -20), noon.AddDate(0, 0, -10)
	observed, enforced := state(schemas.ModeObserve, first), state(schemas.ModeEnforce, second)
	return []schemas.JournalEntry{
		{Seq: 1, Time: first, Who: "dana", Action: schemas.ActionAdopted, Hash: "sha256:0123456789abcdef", Changes: []schemas.Change{{Subject: "key/broken/k1", After: observed}}},
		{Seq: 2, Time: second, Who: "dana", Action: schemas.ActionApply, Hash: "sha256:123456789abcdef0", Plan: "64aa8bf36a06", Batch: "enforce-1", Changes: []schemas.Change{{Subject: "key/broken/k1", Before: observed, After: enforced}}},
		{Seq: 3, Time: second.Add(time.Hour), Who: "\u202elee\x1b[2J", Action: schemas.ActionRollback, Hash: "short", Reason: "<script>\x1b[2J", Changes: []schemas.Change{{Subject: "key/broken/k1", Before: enforced, After: state(schemas.ModeObserve, second.Add(time.Hour))}}},
	}
}

// viewOf is a view of a plan, which is made if there is none.
func viewOf(t *testing.T, in Input, plan *schemas.Plan, history History) *View {
	t.Helper()
	if plan == nil {
		var err error
		if plan, err = NewPlan(in); err != nil {
			t.Fatal(err)
		}
	}
	view, err := NewView(in, plan, history)
	if err != nil {
		t.Fatal(err)
	}
	return view
}

// A lostTallies is a store that went away.
type lostTallies struct{ mapTallies }

func (lostTallies) rows(context.Context) iter.Seq2[tallyRow, error] {
	return func(yield func(tallyRow, error) bool) { yield(tallyRow{}, errBroken) }
}

// Evidence that is gone after the plan was made is no evidence of health.
func TestViewOfLostEvidence(t *testing.T) {
	t.Parallel()
	in := demoInput(8)
	in.Evidence.source = lostTallies{}
	if _, err := NewView(in, &schemas.Plan{}, History{}); !errors.Is(err, errBroken) {
		t.Errorf("error %v, want %v", err, errBroken)
	}
}
