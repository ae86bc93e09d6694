package lint

import (
	"io"
	"net/url"
	"path/filepath"
	"slices"

	"lockstep/schemas"
)

// SARIF writes the Static Analysis Results Interchange Format 2.1.0, which
// GitHub's code scanning and other services take in.
type SARIF struct {
	Version string   // of lockstep
	DocsURL string   // where the pages of the rules are; may be empty
	Unread  []string // why some files could not be judged

	Compared bool // with a baseline or an earlier revision, so that results have a state
}

// Report implements [Reporter]. The rules are those that have results; findings
// that do not count are results with a suppression or a baseline state.
func (s SARIF) Report(w io.Writer, reports []*Report) error {
	run := sarifRun{
		ColumnKind: "unicodeCodePoints", Newlines: []string{"\r\n", "\n", "\r", "\u0085", "\u2028", "\u2029"},
		Results: []sarifResult{}, Invocations: []sarifInvocation{s.invocation()},
	}
	for _, r := range reports {
		run.Results = append(run.Results, s.results(r)...)
	}
	run.Tool.Driver = sarifDriver{Name: "lockstep", Version: s.Version, Rules: []sarifRule{}}
	index := map[string]int{}
	for _, r := range Rules() {
		if slices.ContainsFunc(run.Results, func(result sarifResult) bool { return result.RuleID == r.ID }) {
			index[r.ID] = len(run.Tool.Driver.Rules)
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, s.rule(&r))
		}
	}
	for i := range run.Results {
		run.Results[i].RuleIndex = index[run.Results[i].RuleID]
	}
	return writeJSON(w, sarifLog{
		Schema:  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		Version: "2.1.0", Runs: []sarifRun{run},
	})
}

// invocation says whether all files could be judged.
func (s SARIF) invocation() sarifInvocation {
	all := sarifInvocation{ExecutionSuccessful: len(s.Unread) == 0}
	for _, reason := range s.Unread {
		all.Notifications = append(all.Notifications, sarifNotification{"error", sarifText{Text: reason}})
	}
	return all
}

func (s SARIF) rule(r *Rule) sarifRule {
	out := sarifRule{
		ID: r.ID, Name: r.Slug,
		Short: sarifText{Text: r.Title}, Full: sarifText{Text: r.Doc}, Help: sarifText{Text: r.Doc, Markdown: r.Page()},
		Properties: sarifProperties{Tags: r.Tags()},
	}
	out.Default.Level = sarifLevel(r.strictest())
	if s.DocsURL != "" {
		out.HelpURI = pageURL(s.DocsURL, r.ID)
	}
	if slices.Contains(r.Tags(), "security") {
		// GitHub reads it as a CVSS score: high, medium and low.
		out.Properties.Severity = map[schemas.Level]string{
			schemas.LevelError: "8.0", schemas.LevelWarning: "5.0", schemas.LevelInfo: "3.0",
		}[r.strictest()]
	}
	return out
}

func sarifResultOf(f *Finding) sarifResult {
	text := f.about()
	if f.Hint != "" {
		text += "\n" + f.Hint
	}
	result := sarifResult{
		RuleID: f.Rule, Level: sarifLevel(f.Severity), Message: sarifText{Text: text},
		Locations:    []sarifLocation{sarifPlace(f.Path, f.Span)},
		Suppressions: []sarifSuppression{}, Fixes: sarifFixes(f),
	}
	for i, r := range f.Related {
		place := sarifPlace(f.Path, r.Span)
		place.ID, place.Message = i+1, &sarifText{Text: r.Message}
		result.Related = append(result.Related, place)
	}
	return result
}

// sarifPlace is never before 1:1: GitHub refuses a whole report for one line 0.
func sarifPlace(path string, span schemas.Span) sarifLocation {
	var at sarifLocation
	at.Physical.Artifact, at.Physical.Region = sarifFile(path), sarifRegionOf(span)
	return at
}

func sarifFile(path string) sarifArtifact {
	file := url.URL{Path: slashed(path)}
	if filepath.IsAbs(path) {
		file.Scheme = "file"
	}
	return sarifArtifact{file.String()}
}

func sarifRegionOf(span schemas.Span) sarifRegion {
	start, end := span.Start, span.End
	return sarifRegion{max(start.Line, 1), max(start.Column, 1), max(end.Line, start.Line, 1), max(end.Column, 1)}
}

func sarifLevel(level schemas.Level) string {
	switch level {
	case schemas.LevelError:
		return "error"
	case schemas.LevelWarning:
		return "warning"
	case schemas.LevelInfo:
		return "note"
	case schemas.LevelOff:
	}
	return "none"
}
