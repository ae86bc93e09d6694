package lint_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/lint"
)

// kept is a report of one finding of each kind: suppressed, in the baseline,
// on an unchanged line, on a changed line, and new.
func kept(t *testing.T) *lint.Report {
	t.Helper()
	const suppressing = "  - {endpoint_id: s, addr: 'h:80', timeout: 1s, tls: {root_cas: c.pem}} # lockstep:ignore[T203] reason=\"it moves\" until=2026-12-01\n"
	const debugging = "log: {level: debug} # lockstep:ignore[S304] reason=\"for a day\" until=2026-11-21\nconnect: {token: $T}\n"
	in := staging(t, "kept.yaml")
	in.Now, in.Inventory = caseTime, true
	in.Baseline = baselineOf(t, in.Path, "listeners:\n"+dead("b"))
	in.Since = &lint.Since{Lines: []lint.LineRange{{First: 5, Count: 1}}, Known: baselineOf(t, in.Path, "listeners:\n"+dead("u")+dead("t"))}
	return checkInput(t, in, []byte("listeners:\n"+suppressing+dead("b")+dead("u")+dead("t")+dead("n")+debugging))
}

// TestKept: each report says of each finding why it does not count.
func TestKept(t *testing.T) {
	t.Parallel()
	report := kept(t)
	if len(report.Suppressed) != 2 || len(report.Known) != 1 || len(report.Unchanged) != 1 || len(report.Findings) != 2 {
		t.Fatalf("report %+v", report)
	}
	for name, want := range map[string]string{
		"text":    "2 suppressed, 1 in the baseline, 1 on unchanged lines",
		"summary": "2 suppressed, 1 in the baseline, 1 on unchanged lines",
		"github":  "2 suppressed, 1 in the baseline, 1 on unchanged lines",
		"junit":   "1 suppressed, 1 in the baseline, 1 on unchanged lines:",
		"csv":     "T203 until 2026-12-01,",
		"table":   "T203 until 2026-12-01\n",
	} {
		reporter := map[string]lint.Reporter{
			"text": lint.Text{}, "summary": lint.GitHubSummary{}, "github": lint.GitHub{}, "junit": lint.JUnit{FailOn: "warning"},
			"csv": lint.InventoryCSV{}, "table": lint.Inventory{},
		}[name]
		var out bytes.Buffer
		if err := reporter.Report(&out, []*lint.Report{report}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s has no %q:\n%s", name, want, out.String())
		}
	}
}

// TestSARIFStates: a result has its place, its state and why it does not
// count, and a fix where --fix has one.
func TestSARIFStates(t *testing.T) {
	t.Parallel()
	type result struct {
		RuleID, BaselineState string
		Suppressions          []struct{ Kind, Justification string }
		Fixes                 []struct {
			ArtifactChanges []struct{ Replacements []any }
		}
		Locations []struct {
			PhysicalLocation struct{ Region struct{ StartLine int } }
		}
	}
	var log struct{ Runs []struct{ Results []result } }
	var out bytes.Buffer
	if err := (lint.SARIF{Compared: true}).Report(&out, []*lint.Report{kept(t)}); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range log.Runs[0].Results {
		line := r.RuleID + " " + r.BaselineState
		for _, s := range r.Suppressions {
			line += " " + s.Kind + ": " + s.Justification
		}
		if len(r.Fixes) > 0 {
			line += " fix"
		}
		if got = append(got, line); r.Suppressions == nil || len(r.Locations) != 1 || r.Locations[0].PhysicalLocation.Region.StartLine < 1 {
			t.Errorf("result %+v", r)
		}
	}
	want := []string{
		"T203  inSource: it moves (until 2026-12-01)", "T203 unchanged external: it is in the baseline",
		"T203 unchanged fix", "T203 updated fix", "T203 new fix", "S304  inSource: for a day (until 2026-11-21)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

// TestEachResultHasAPlace reads all cases: GitHub refuses a whole report for
// one result without one.
func TestEachResultHasAPlace(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join(casesDir, "*", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var all []*lint.Report
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, checkCase(t, filepath.Base(filepath.Dir(path)), path, source))
	}
	schema, err := os.ReadFile(filepath.Join("..", "testdata", "sarif", "sarif-schema-2.1.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := (lint.SARIF{Compared: true}).Report(&out, all); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "all.sarif")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	validate(t, "sarif.json", schema, path)
	if results, places := strings.Count(out.String(), `"ruleId":`), strings.Count(out.String(), `"locations": [`); results != places || results < 200 {
		t.Errorf("%d results with %d places", results, places)
	}
}

// TestKeepChanges: an inventory of changes has what is new, other and gone.
func TestKeepChanges(t *testing.T) {
	t.Parallel()
	inventory := func(source string) *lint.Report {
		in := staging(t, "f.yaml")
		in.Inventory = true
		return checkInput(t, in, []byte(source))
	}
	before := inventory("listeners:\n" + dead("same") + dead("other") + dead("gone") + dead("same"))
	other := strings.Replace(dead("other"), "c.pem", "d.pem", 1)
	for name, c := range map[string]struct {
		before *lint.Report
		after  string
		want   []string
	}{
		"changes":    {before, "# moved\nlisteners:\n" + dead("new") + dead("same") + other + dead("same"), []string{"added new 3", "changed other 5", "removed gone 4"}},
		"nothing":    {before, "listeners:\n" + dead("same") + dead("other") + dead("gone") + dead("same"), nil},
		"new file":   {nil, "listeners:\n" + dead("a"), []string{"added a 2"}},
		"unreadable": {before, "listeners: 7\n", nil},
	} {
		report := inventory(c.after)
		report.KeepChanges(c.before)
		var got []string
		for _, l := range report.Listeners {
			got = append(got, l.Change+" "+l.Endpoint+" "+string(rune('0'+l.Line)))
		}
		if !slices.Equal(got, c.want) || (report.Listeners == nil) != (name == "unreadable") {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
