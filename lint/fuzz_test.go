package lint_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"lockstep/lint"
	"lockstep/schemas"
)

// FuzzCheck wants a sound report on whatever bytes: P001 exactly where the
// agent refuses, no other word against what it accepts, places that exist,
// snippets that hold what they underline, and every format written.
func FuzzCheck(f *testing.F) {
	for _, r := range recordings(f) {
		f.Add(r.Source)
	}
	f.Add([]byte(suppressing("# lockstep:ignore[T205,T201] reason=\"x\" until=2026-12-01", "# lockstep:ignore[A102]")))
	checker, err := lint.NewChecker()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		in := lint.Input{Path: "f.yaml", Now: today, ReadFile: func(string) ([]byte, error) { return nil, errors.New("no file") }}
		in.Document, in.Err = schemas.ParseDocument(in.Path, source)
		report, err := checker.Check(in)
		if err != nil {
			return // the comment names no tier
		}
		checkSound(t, report, in.Document)
		for _, reporter := range reporters() {
			if err := reporter.Report(&bytes.Buffer{}, []*lint.Report{report}); err != nil {
				t.Error(err)
			}
		}
	})
}

func checkSound(t *testing.T, report *lint.Report, doc *schemas.Document) {
	t.Helper()
	suppressed := slices.ContainsFunc(report.Suppressed, func(s lint.Suppressed) bool { return s.Rule == "P001" })
	if (has(report, "P001") || suppressed) != (report.Piko.Verdict == lint.Reject) {
		t.Errorf("P001 does not follow the verdict %+v", report.Piko)
	}
	for _, f := range report.Findings {
		switch f.Rule {
		case "P004":
			if _, err := schemas.DecodeAgent(doc); err == nil {
				t.Error("P004 on what the agent decodes")
			}
		case "P002", "P003", "P005":
			if report.Piko.Verdict != lint.Reject {
				t.Errorf("%s %q on what the agent accepts", f.Rule, f.Message)
			}
		}
		if f.Span.Start.Line < 1 || f.Span.Start.Column < 1 || f.Span.End.Line != f.Span.Start.Line || f.Span.End.Column < f.Span.Start.Column {
			t.Errorf("%s stands at %v", f.Rule, f.Span)
		}
		if s := f.Snippet; s.Start < 0 || s.Start > s.End || s.End > len([]rune(s.Text)) {
			t.Errorf("%s underlines %d to %d of %q", f.Rule, s.Start, s.End, s.Text)
		}
		if doc != nil && f.Span.Start.Line > len(doc.Lines())+1 {
			t.Errorf("%s stands on line %d of %d", f.Rule, f.Span.Start.Line, len(doc.Lines()))
		}
	}
	if report.Piko.Message == "its decoder does not take this document" {
		t.Error("undecodable without a violation")
	}
}
