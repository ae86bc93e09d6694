package lint

import (
	"io"

	"lockstep/schemas"
)

// GitLab writes a code quality report, which GitLab shows in merge requests. It
// has no word for a finding that does not count, so these are left out:
// https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format.
type GitLab struct{}

// Report implements [Reporter].
func (GitLab) Report(w io.Writer, reports []*Report) error {
	issues := []gitLabIssue{} // a list, also if empty
	for _, r := range reports {
		names := fingerprints(r.Findings)
		for i := range r.Findings {
			issues = append(issues, gitLabIssueOf(&r.Findings[i], names[i]))
		}
	}
	return writeJSON(w, issues)
}

type gitLabIssue struct {
	Description string `json:"description"`
	CheckName   string `json:"check_name"`
	Fingerprint string `json:"fingerprint"`
	Severity    string `json:"severity"`
	Location    struct {
		Path  string `json:"path"`
		Lines struct {
			Begin int `json:"begin"`
			End   int `json:"end"`
		} `json:"lines"`
	} `json:"location"`
}

func gitLabIssueOf(f *Finding, fingerprint string) gitLabIssue {
	issue := gitLabIssue{
		Description: f.about(), CheckName: f.Rule + " " + f.Slug,
		Fingerprint: fingerprint, Severity: gitLabSeverity(f.Severity),
	}
	if f.Hint != "" {
		issue.Description += "; " + f.Hint
	}
	issue.Location.Path = slashed(f.Path)
	issue.Location.Lines.Begin, issue.Location.Lines.End = f.Span.Start.Line, f.Span.End.Line
	return issue
}

// gitLabSeverity leaves critical and blocker to what a rule cannot know.
func gitLabSeverity(level schemas.Level) string {
	switch level {
	case schemas.LevelError:
		return "major"
	case schemas.LevelWarning:
		return "minor"
	case schemas.LevelInfo, schemas.LevelOff:
	}
	return "info"
}
