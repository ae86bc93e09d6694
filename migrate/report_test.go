package migrate

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// newReport makes the report of an input that is right.
func newReport(t *testing.T, in Input, history History) *Report {
	t.Helper()
	return viewOf(t, in, nil, history).Report()
}

func reportText(t *testing.T, r *Report) string {
	t.Helper()
	var text bytes.Buffer
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// The terminal shows all of a report, and no name raw.
func TestReportGolden(t *testing.T) {
	t.Parallel()
	for _, dir := range caseDirs(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			r := newReport(t, caseInput(t, dir), History{Entries: someEntries()})
			text := reportText(t, r)
			golden(t, filepath.Join(dir, "report.golden.txt"), []byte(text))
			if strings.Contains(text, "CANARY") || strings.ContainsAny(text, "\x1b\u202e") {
				t.Errorf("a secret or a raw name is shown:\n%q", text)
			}
		})
	}
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	in := caseInput(t, filepath.Join(casesDir, "in-the-way"))
	timeline := newTimeline(&in, History{Entries: someEntries()})
	var got []string
	for _, s := range timeline.Lanes[0].Stretches {
		got = append(got, fmt.Sprintf("%s %s to %s", s.Mode, minute(s.From), minute(s.To)))
	}
	want := []string{
		"observe 2026-11-01 12:00Z to 2026-11-11 12:00Z",
		"enforce 2026-11-11 12:00Z to 2026-11-11 13:00Z",
		"observe 2026-11-11 13:00Z to 2026-11-21 12:00Z",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("stretches of %s:\n%s\nwant\n%s", timeline.Lanes[0].Subject, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !timeline.From.Equal(noon.AddDate(0, 0, -20)) || !timeline.To.Equal(noon) {
		t.Errorf("from %s to %s", timeline.From, timeline.To)
	}
}

// What was abandoned leaves a mark where it was undone, not where it began.
func TestTimelineOfAbandoned(t *testing.T) {
	t.Parallel()
	in := caseInput(t, filepath.Join(casesDir, "in-the-way"))
	entries := someEntries()
	entries[2].Action = schemas.ActionAbandoned
	entries[2].Changes[0].After = entries[0].Changes[0].After
	all := stretches(&in, History{Entries: entries}, "key/broken/k1")
	if len(all) != 3 || !all[2].From.Equal(entries[2].Time) {
		t.Errorf("stretches %+v", all)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	at := func(hours int) time.Time { return noon.Add(time.Duration(hours) * time.Hour) }
	in := Input{Now: noon.Add(30 * time.Minute), Rollout: &schemas.Rollout{Tier: schemas.TierProduction, Environment: "eu"}}
	in.Policy = &schemas.Policy{Environments: map[string]schemas.Environment{"eu": {Nodes: []string{"a", "b", "c"}}}}
	in.Evidence = &Evidence{
		Nodes: []Node{{Name: "a", First: at(-300), Last: at(0)}, {Name: "b", First: at(-20), Last: at(-3)}, {Name: "retired", First: at(-20), Last: at(-19)}},
		Gaps: []Gap{
			{Node: "a", From: at(-200), To: at(-160)},
			{Node: "a", From: at(-10), To: at(-8)},
			{Node: "b", From: at(-5), To: at(-5), Lines: 7},
			{Node: "a", To: at(-190), Lines: 1},
		},
	}
	h := viewOf(t, in, &schemas.Plan{}, History{}).health()
	if !h.From.Equal(at(-167)) || !h.To.Equal(at(1)) || len(h.Nodes) != 3 {
		t.Fatalf("from %s to %s, nodes %+v", h.From, h.To, h.Nodes)
	}
	for i, want := range []NodeHealth{
		{Node: "a", SilentHours: 9, Alive: Period{at(-167), at(1)}, Holes: []Hole{{Period: Period{at(-167), at(-160)}}, {Period: Period{at(-10), at(-8)}}}},
		{Node: "b", SilentHours: 3, LinesMissing: 7, Alive: Period{at(-20), at(-2)}, Holes: []Hole{{Period: Period{at(-6), at(-5)}, Lines: 7}, {Period: Period{at(-2), at(1)}}}},
		{Node: "c", SilentHours: 168, Holes: []Hole{{Period: Period{at(-167), at(1)}}}},
	} {
		got := h.Nodes[i]
		got.First, got.Last = time.Time{}, time.Time{}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("node %s\n%+v, want\n%+v", want.Node, got, want)
		}
	}
}
