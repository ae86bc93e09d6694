package migrate

import (
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
	if got := (&Evidence{}).CompleteUntil(); !got.IsZero() {
		t.Errorf("nothing is complete until %s", got)
	}
}

// A source of which something is missing is complete until there, whatever
// nodes tell of later; of several holes the first one counts.
func TestCompleteUntilTheFirstHole(t *testing.T) {
	t.Parallel()
	hole := func(source string, from, to float64) UnknownWindow {
		return UnknownWindow{Source: source, From: ago(from), To: ago(to), Reason: "it was cut off"}
	}
	e, err := Gather(t.Context(), &Files{}, Options{Dialect: eventDialect{}, Beside: []Contributor{
		contribution{clients: 3}, contribution{missed: []UnknownWindow{hole("b", 2, 1), hole("a", 8, 7), hole("b", 5, 4)}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []SourceState{
		{Name: "gw", First: noon, Last: noon.Add(2 * time.Minute), CompleteUntil: noon.Add(2*time.Minute - lateness)},
		{Name: "b", CompleteUntil: ago(5)},
		{Name: "a", CompleteUntil: ago(8)},
	}
	if diff := cmp.Diff(want, e.Sources); diff != "" {
		t.Errorf("sources differ (-want +got):\n%s", diff)
	}
	if got := e.CompleteUntil(); !got.Equal(ago(8)) {
		t.Errorf("complete until %s, want %s", got, ago(8))
	}
}

// Whoever ends long before the others hides what came after, in whichever order
// they are asked.
func TestContributorEndsEarly(t *testing.T) {
	t.Parallel()
	late := contribution{clients: 180}
	last := noon.Add(179 * time.Minute)
	for end, missing := range map[time.Duration]bool{0: false, time.Hour: false, time.Hour + time.Millisecond: true, 48 * time.Hour: true} {
		early := contribution{ends: last.Add(-end)}
		var want []UnknownWindow
		if missing {
			want = []UnknownWindow{{Source: "elsewhere", From: early.ends, To: last, Reason: "why"}}
		}
		for _, beside := range [][]Contributor{{early, late}, {late, early}} {
			e, err := Gather(t.Context(), &Files{}, Options{Dialect: eventDialect{}, Beside: beside})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, e.Unknown); diff != "" {
				t.Errorf("%s before the end (-want +got):\n%s", end, diff)
			}
		}
	}
}

// A plan waits for the sources that have to tell something, and says how far
// their evidence goes.
func TestGateWaitsForSources(t *testing.T) {
	t.Parallel()
	const promote, inconclusive = schemas.VerdictPromote, schemas.VerdictInconclusive
	told := noon.Add(-10*time.Minute - lateness) // by the nodes
	hole := func(from, to float64) *UnknownWindow {
		return &UnknownWindow{Source: "db", From: ago(from), To: ago(to)}
	}
	const longAgo = 30 * 24
	for name, test := range map[string]struct {
		hole    *UnknownWindow
		listed  []string
		shorter uint64
		verdict schemas.Verdict
		until   time.Time
	}{
		"nodes alone":                 {nil, nil, 0, promote, told},
		"a database with a hole":      {hole(3, 2), nil, 0, inconclusive, ago(3)},
		"one that has ended early":    {hole(1, 0), nil, 0, inconclusive, ago(1)},
		"a hole of which nobody asks": {hole(longAgo+1, longAgo), nil, 0, promote, ago(longAgo + 1)},
		"a node that is not":          {nil, []string{"n1", "n2"}, 0, inconclusive, time.Time{}},
		"part of a log":               {nil, nil, 1, inconclusive, told},
	} {
		s := newScene()
		s.in.Policy.Environments["pro-eu"] = schemas.Environment{Tier: schemas.TierProduction, Nodes: test.listed}
		s.judge(t, false)
		if test.hole != nil {
			s.in.Evidence.Unknown = []UnknownWindow{*test.hole}
			s.in.Evidence.Sources = append(s.in.Evidence.Sources, withHoles(s.in.Evidence.Unknown)...)
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
