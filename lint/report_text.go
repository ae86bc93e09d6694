package lint

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"lockstep/schemas"
)

// Text writes one line per finding, which editors and CI systems can follow,
// its hint below it, and a line of totals. Of no files at all it says nothing.
type Text struct {
	Color bool // with ANSI colours, for a terminal
}

// Report implements [Reporter].
func (t Text) Report(w io.Writer, reports []*Report) error {
	var out bytes.Buffer
	for _, r := range reports {
		for i := range r.Findings {
			t.finding(&out, &r.Findings[i])
		}
	}
	if len(reports) > 0 {
		fmt.Fprintln(&out, totals(Summarize(reports)))
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	return nil
}

// finding names the endpoint too, as one place may serve many through a merge.
func (t Text) finding(out *bytes.Buffer, f *Finding) {
	message := f.Message
	if f.EndpointID != "" {
		message += " (endpoint " + f.EndpointID + ")"
	}
	fmt.Fprintf(out, "%s:%d:%d: %s: %s [%s %s]\n", printable(f.Path), f.Span.Start.Line, f.Span.Start.Column,
		t.paint(f.Severity), printable(message), f.Rule, f.Slug)
	if f.Hint != "" {
		fmt.Fprintf(out, "    hint: %s\n", printable(f.Hint))
	}
}

// paint colours a level: red, yellow, blue.
func (t Text) paint(level schemas.Level) string {
	code := map[schemas.Level]string{schemas.LevelError: "31", schemas.LevelWarning: "33", schemas.LevelInfo: "34"}[level]
	if !t.Color || code == "" {
		return string(level)
	}
	return "\x1b[1;" + code + "m" + string(level) + "\x1b[0m"
}

// printable escapes what could move the cursor of a terminal or start a line
// of its own, which a CI system may take for a command.
func printable(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) < 0 {
		return text
	}
	quoted := strconv.Quote(text)
	return quoted[1 : len(quoted)-1]
}

// totals says in one line what the findings add up to.
func totals(s Summary) string {
	files := count(s.Files, "file")
	var parts []string
	for _, c := range []struct {
		n    int
		noun string
	}{{s.Errors, "error"}, {s.Warnings, "warning"}, {s.Infos, "info"}} {
		if c.n > 0 {
			parts = append(parts, count(c.n, c.noun))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "no findings")
	}
	if s.Suppressed > 0 {
		parts = append(parts, fmt.Sprintf("%d suppressed", s.Suppressed))
	}
	if s.Known > 0 {
		parts = append(parts, fmt.Sprintf("%d in the baseline", s.Known))
	}
	if s.Unchanged > 0 {
		parts = append(parts, fmt.Sprintf("%d on unchanged lines", s.Unchanged))
	}
	return files + ": " + strings.Join(parts, ", ")
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
