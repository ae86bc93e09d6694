package migrate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// Ten thousand strangers make a report neither large nor slow, and push no
// client out of it that somebody knows.
func TestReportIsBounded(t *testing.T) {
	t.Parallel()
	in := demoInput(45)
	for i := range 45 {
		addVisit(&in, "web", i, schemas.ReasonNone, 3)
	}
	for i := range 10_000 {
		addVisit(&in, fmt.Sprintf("a<stranger>-%d", i), i%45, schemas.ReasonMissing, 2)
	}
	for i := range 2_000 {
		addVisit(&in, fmt.Sprintf("client-%d", i), i%45, schemas.ReasonNone, 2)
		addVisit(&in, fmt.Sprintf("client-%d", i), (i+7)%45, schemas.ReasonNone, 2)
	}
	addVisit(&in, "nightly", 3, schemas.ReasonNone, 2)
	addVisit(&in, "nightly", 1, schemas.ReasonSkew, 2)
	for i := range 500 {
		in.Rollout.Subjects[fmt.Sprintf("key/app-%d/k1", i)] = schemas.RolloutSubject{Mode: schemas.ModeDisabled, Since: noon, Secret: "env:K"}
		in.Evidence.Nodes = append(in.Evidence.Nodes, Node{Name: fmt.Sprintf("node-%d", i), First: noon.Add(-time.Hour), Last: noon})
	}
	entries := History{}
	for range 100 {
		entries.Entries = append(entries.Entries, someEntries()...)
	}
	for i := range 100 {
		in.Evidence.Dominant = append(in.Evidence.Dominant, Dominant{App: "demo", Client: fmt.Sprintf("nat-\x1b-%d", i), Share: 0.6})
	}
	start := time.Now()
	r := newReport(t, in, entries)
	root, text := page(t, r)
	const most, longest = 1 << 20, 30 * time.Second
	if took := time.Since(start); len(text) > most || took > longest {
		t.Errorf("%d bytes in %s, want at most %d in %s", len(text), took, most, longest)
	}
	heat := r.Apps[0].Heat
	if len(heat.Rows) != maxRows || heat.Rows[0].Client != "nightly" || heat.LeftOut[StandingStranger] != 10_000 || heat.LeftOut[StandingPasses] != 2001-(maxRows-1) {
		t.Errorf("%d rows, first %s, left out %v", len(heat.Rows), heat.Rows[0].Client, heat.LeftOut)
	}
	for _, want := range []string{"not shown: 1972 (passes), 10000 (stranger)", "481 apps", "200 entries before, 471 subjects", "451 nodes not shown", `"nat-\x1b-19" () makes 60%`} {
		if people := reportText(t, r); !strings.Contains(people, want) || !strings.Contains(root.all(), want) {
			t.Errorf("%q is not in the report:\n%.3000s", want, people)
		}
	}
}

// Whatever a client calls itself, the page keeps its shape and the terminal
// its text.
func FuzzReportName(f *testing.F) {
	for _, name := range []string{
		"web", "", `"><script>alert(1)</script>`, "</title></svg></style>", "\u202egnp.exe", "\x1b[2J", "{{.Style}}", "`code`", "a\x00b", "مرحبا",
		strings.Repeat("long", 1000), "]]>", "<!--", "&#x202e;", "key/demo/k1",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		name = strings.ToValidUTF8(name, "?")
		if name == schemas.OverflowClient {
			return // no client can have this name
		}
		r, plain := reportNaming(t, name), reportNaming(t, "web")
		root, _ := page(t, r)
		if heat := root.figure(t, "app1-heat"); len(heat.find(named("g"))) != 2 {
			t.Errorf("%d clients in the heat map, want 2", len(heat.find(named("g"))))
		}
		text := reportText(t, r)
		if got, want := strings.Count(text, "\n"), strings.Count(reportText(t, plain), "\n"); got != want || strings.Contains(text, "\x1b") {
			t.Errorf("%d lines, want %d:\n%q", got, want, text)
		}
	})
}

// reportNaming is a report with a name wherever others choose it.
func reportNaming(t *testing.T, name string) *Report {
	t.Helper()
	in := demoInput(9)
	for i := range 3 {
		addVisit(&in, name, i, schemas.ReasonNone, 3)
		addVisit(&in, name, i+3, schemas.ReasonSkew, 3)
	}
	in.Inventory.Clients = []schemas.InventoryClient{{App: "demo", Client: name + "x", Owner: name}}
	history := History{Entries: someEntries()}
	history.Entries[0].Who, history.Entries[1].Reason = name, name+"."
	return newReport(t, in, history)
}
