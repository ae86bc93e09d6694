package migrate

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

// The evidence is as complete as that of the source that is behind all others;
// one that has told nothing never counts as zero.
func TestCompleteUntil(t *testing.T) {
	t.Parallel()
	log := newEventLog()
	log.beat("n1", ago(3), observed("key/a/k1"))
	log.request("n2", "key/a/k1", "web", verified, passed, ago(2))
	e := fold(t, "pro-eu", log.lines...)
	last := noon.Add(-10 * time.Minute) // when the last heartbeat was written
	want := []SourceState{
		{Name: "n1", First: last.Add(-2 * time.Hour), Last: last, CompleteUntil: last.Add(-lateness)},
		{Name: "n2"},
	}
	if diff := cmp.Diff(want, e.Sources); diff != "" {
		t.Errorf("sources differ (-want +got):\n%s", diff)
	}
	if !e.CompleteUntil().IsZero() {
		t.Errorf("complete until %s, but n2 never had a heartbeat", e.CompleteUntil())
	}
	e.Sources = slices.DeleteFunc(e.Sources, func(s SourceState) bool { return s.Name == "n2" })
	e.Sources = append(e.Sources, SourceState{Name: "db", Last: ago(1), CompleteUntil: ago(1)})
	if got := e.CompleteUntil(); !got.Equal(ago(1)) {
		t.Errorf("complete until %s, want %s as the database is behind", got, ago(1))
	}
	f := NewFold("pro-eu")
	f.told(SourceState{Name: "db", Last: ago(1), CompleteUntil: ago(2)})
	if e, err := f.evidence(t.Context(), f.table); err != nil || !e.CompleteUntil().Equal(ago(2)) {
		t.Errorf("a database alone: complete until %s, %v", e.CompleteUntil(), err)
	}
	if got := (&Evidence{}).CompleteUntil(); !got.IsZero() {
		t.Errorf("nothing is complete until %s", got)
	}
}

// A plan waits for the sources that have to tell something, and says how far
// their evidence goes.
func TestGateWaitsForSources(t *testing.T) {
	t.Parallel()
	const promote, inconclusive = schemas.VerdictPromote, schemas.VerdictInconclusive
	for name, test := range map[string]struct {
		source  *SourceState
		listed  []string
		shorter uint64
		verdict schemas.Verdict
		until   time.Time
	}{
		"nodes alone":           {nil, nil, 0, promote, noon.Add(-10*time.Minute - lateness)},
		"a database":            {&SourceState{Name: "db", Last: ago(0.5), CompleteUntil: ago(0.6)}, nil, 0, promote, ago(0.6)},
		"a silent one":          {&SourceState{Name: "db", Last: ago(1), CompleteUntil: ago(1)}, nil, 0, inconclusive, ago(1)},
		"one without an answer": {&SourceState{Name: "db"}, nil, 0, inconclusive, time.Time{}},
		"a node that is not":    {nil, []string{"n1", "n2"}, 0, inconclusive, time.Time{}},
		"part of a log":         {nil, nil, 1, inconclusive, noon.Add(-10*time.Minute - lateness)},
	} {
		s := newScene()
		s.in.Policy.Environments["pro-eu"] = schemas.Environment{Tier: schemas.TierProduction, Nodes: test.listed}
		s.judge(t, false)
		if test.source != nil {
			s.in.Evidence.Sources = append(s.in.Evidence.Sources, *test.source)
		}
		s.in.Evidence.Coverage.Shorter = test.shorter
		plan, err := NewPlan(s.in)
		if err != nil {
			t.Fatal(err)
		}
		var until time.Time
		if plan.Complete != nil {
			until = *plan.Complete
		}
		if v := plan.Subjects[0]; v.Verdict != test.verdict || !until.Equal(test.until) {
			t.Errorf("%s: %s because of %q, complete until %s; want %s and %s", name, v.Verdict, v.Reasons, until, test.verdict, test.until)
		}
	}
}
