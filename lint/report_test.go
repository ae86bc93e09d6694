package lint_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/lint"
	"lockstep/schemas"
)

// reports are what the reporters are tested with: each severity, a file
// without findings, one that is not YAML, and names that a terminal or a CI
// system could take for something else.
func reports(t *testing.T) []*lint.Report {
	t.Helper()
	const bad = `listeners:
  - endpoint_id: "svc\n::error::\e[2J"
    addr: https://svc.internal
    timeout: 10s
    tls: {insecure_skip_verify: yes, root_cas: c.pem}
connect:
  url: http://piko.example.com
  token: hunter2
`
	var all []*lint.Report
	for _, f := range []struct {
		path, source string
		tier         schemas.Tier
	}{
		{"dev.yaml", bad, schemas.TierDevelopment},
		{"ok.yaml", "listeners: [{endpoint_id: svc, addr: '80', timeout: 1s}]", schemas.TierProduction},
		{"a\nb.yaml", bad, schemas.TierProduction},
		{"syntax.yaml", "a: [", schemas.TierStaging},
	} {
		all = append(all, checkInput(t, lint.Input{Path: f.path, Tier: f.tier, Inventory: true}, []byte(f.source)))
	}
	return append(all, kept(t))
}

// reporters are all reporters, by the golden file of their report.
func reporters() map[string]lint.Reporter {
	unread := []string{"read x.yaml: no such file"}
	return map[string]lint.Reporter{
		"report.txt":          lint.Text{},
		"report_terminal.txt": lint.Text{Color: true, Width: 50, DocsURL: "https://docs.example/rules"},
		"report.json":         lint.JSON{},
		"report.sarif":        lint.SARIF{Version: "1.2.3", Compared: true, DocsURL: "https://docs.example/rules", Unread: unread},
		"report_junit.xml":    lint.JUnit{FailOn: schemas.LevelWarning, Unread: unread},
		"report_github.txt":   lint.GitHub{},
		"report_summary.md":   lint.GitHubSummary{DocsURL: "https://docs.example/rules"},
		"report_gitlab.json":  lint.GitLab{},
		"inventory.txt":       lint.Inventory{},
		"inventory.json":      lint.InventoryJSON{},
		"inventory.csv":       lint.InventoryCSV{},
	}
}

func TestReporters(t *testing.T) {
	t.Parallel()
	for name, reporter := range reporters() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := reporter.Report(&out, reports(t)); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name)
			text, err := os.ReadFile(path)
			if err != nil && os.Getenv("UPDATE") == "" {
				t.Fatal(err)
			}
			golden(t, path, text, out.Bytes())
		})
	}
}

// TestReportersWithoutFiles: documents keep their lists, lines are not there.
func TestReportersWithoutFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reporter lint.Reporter
		want     []string
	}{
		{lint.Text{}, nil},
		{lint.GitHub{}, nil},
		{lint.JSON{}, []string{`"version": 1`, `"files": []`, `"findings": []`}},
		{lint.SARIF{}, []string{`"rules": []`, `"results": []`, `"executionSuccessful": true`}},
		{lint.GitLab{}, []string{"[]\n"}},
		{lint.Inventory{}, []string{"FILE"}},
		{lint.InventoryJSON{}, []string{`"listeners": []`, `"unlisted": []`}},
		{lint.InventoryCSV{}, []string{"path,line,tier"}},
		{lint.JUnit{}, []string{`<testsuites name="lockstep lint" tests="0"`}},
		{lint.GitHubSummary{}, []string{"0 files: no findings"}},
	} {
		var out bytes.Buffer
		if err := c.reporter.Report(&out, nil); err != nil {
			t.Fatal(err)
		}
		if c.want == nil && out.Len() > 0 {
			t.Errorf("%T: %q", c.reporter, out.String())
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%T has no %s: %s", c.reporter, want, out.String())
			}
		}
	}
}

type brokenWriter struct{}

var errBroken = errors.New("disk full")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestReportersOnBrokenWriter(t *testing.T) {
	t.Parallel()
	for _, reporter := range reporters() {
		if err := reporter.Report(brokenWriter{}, nil); !errors.Is(err, errBroken) {
			t.Errorf("%T: %v", reporter, err)
		}
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	all := reports(t)
	if got, want := lint.Summarize(all), (lint.Summary{Files: 5, Errors: 8, Warnings: 5, Infos: 6, Suppressed: 2, Known: 1, Unchanged: 1}); got != want {
		t.Errorf("summary %+v, want %+v", got, want)
	}
	for _, c := range []struct {
		reports []*lint.Report
		want    schemas.Level
	}{{nil, schemas.LevelOff}, {all[:1], schemas.LevelWarning}, {all[1:2], schemas.LevelOff}, {all, schemas.LevelError}} {
		if got := lint.Summarize(c.reports).Worst(); got != c.want {
			t.Errorf("worst of %d reports is %s, want %s", len(c.reports), got, c.want)
		}
	}
	if got := (lint.Summary{Infos: 1}).Worst(); got != schemas.LevelInfo {
		t.Errorf("worst is %s, want info", got)
	}
}

// TestRefusals: what may not be loaded says which listener it is in.
func TestRefusals(t *testing.T) {
	t.Parallel()
	const source = `listeners:
  - ~
  - {endpoint_id: a, addr: https://h, timeout: 1s, tls: {insecure_skip_verify: true}}
  - &b {endpoint_id: b, addr: ftp://h, timeout: 1s}
  - {<<: *b, endpoint_id: c}
connect: {timeout: -1s}
`
	report := check(t, ".", "f.yaml", []byte(source))
	type place struct {
		rule, endpoint string
		index          int
		ok             bool
	}
	want := []place{{"A102", "b", 1, true}, {"A102", "c", 2, true}, {"H401", "", 0, false}}
	refusals := report.Refusals()
	if len(refusals) != len(want) || len(report.Findings) != len(want)+2 {
		t.Fatalf("refusals %+v among %d findings", refusals, len(report.Findings))
	}
	for i, f := range refusals {
		index, ok := f.Listener()
		if got := (place{f.Rule, f.EndpointID, index, ok}); got != want[i] {
			t.Errorf("refusal %d is %+v, want %+v", i, got, want[i])
		}
	}
}
