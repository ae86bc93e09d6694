package lint

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"lockstep/schemas"
)

// GitHub writes workflow commands, which GitHub shows as annotations in the
// files of a pull request. It shows ten of a kind for each step, so the worst
// come first.
type GitHub struct{}

// Report implements [Reporter].
func (GitHub) Report(w io.Writer, reports []*Report) error {
	var out bytes.Buffer
	for _, f := range worstFirst(reports) {
		text := printable(f.about())
		if f.Hint != "" {
			text += "\n" + printable(f.Hint)
		}
		fmt.Fprintf(&out, "::%s file=%s,line=%d,endLine=%d,col=%d,endColumn=%d,title=%s::%s\n", gitHubLevel(f.Severity),
			commandProperty(printable(slashed(f.Path))), f.Span.Start.Line, f.Span.End.Line, f.Span.Start.Column, f.Span.End.Column,
			commandProperty(f.Rule+" "+f.Slug), commandData(text))
	}
	if len(reports) > 0 {
		fmt.Fprintln(&out, totals(Summarize(reports)))
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	return nil
}

// worstFirst lists the findings of all reports: errors, then warnings, then
// the rest, each in the order of the reports.
func worstFirst(reports []*Report) []*Finding {
	var all []*Finding
	for _, r := range reports {
		for i := range r.Findings {
			all = append(all, &r.Findings[i])
		}
	}
	slices.SortStableFunc(all, func(a, b *Finding) int {
		switch {
		case a.Severity == b.Severity:
			return 0
		case a.Severity.AtLeast(b.Severity):
			return -1
		}
		return 1
	})
	return all
}

func gitHubLevel(level schemas.Level) string {
	if level == schemas.LevelInfo {
		return "notice"
	}
	return string(level)
}

// commandData escapes the text of a workflow command, which ends with its line.
func commandData(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

// commandProperty escapes a property of a workflow command, which a comma or
// a colon would end too.
func commandProperty(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(commandData(text))
}
