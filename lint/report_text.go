package lint

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"lockstep/schemas"
)

// Text writes for people: a line per finding, which editors and CI systems can
// follow, below it the masked line of the file with the place underlined, what
// else belongs to it, and a hint. A line of totals ends it. Of no files at all
// it says nothing.
type Text struct {
	Color   bool   // with ANSI colours, for a terminal
	Width   int    // columns of the terminal, 0 for no limit; only lines of files are cut
	DocsURL string // where the pages of the rules are, for links that a terminal can follow; may be empty
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

func (t Text) finding(out *bytes.Buffer, f *Finding) {
	fmt.Fprintf(out, "%s:%d:%d: %s: %s [%s]\n", printable(f.Path), f.Span.Start.Line, f.Span.Start.Column,
		t.paint(f.Severity, string(f.Severity)), printable(f.about()), t.link(f))
	t.snippet(out, f.Span.Start.Line, f.Snippet, f.Severity)
	for _, r := range f.Related {
		fmt.Fprintf(out, "    %s:%d:%d: %s\n", printable(f.Path), r.Span.Start.Line, r.Span.Start.Column, printable(r.Message))
		t.snippet(out, r.Span.Start.Line, r.Snippet, schemas.LevelInfo)
	}
	if f.Hint != "" {
		fmt.Fprintf(out, "    hint: %s\n", printable(f.Hint))
	}
}

// about is the message with the endpoint, which it names because one place may
// serve many through a merge.
func (f *Finding) about() string {
	if f.EndpointID == "" {
		return f.Message
	}
	return f.Message + " (endpoint " + f.EndpointID + ")"
}

// snippet writes a line of a file with its number, and a caret below.
func (t Text) snippet(out *bytes.Buffer, line int, s Snippet, level schemas.Level) {
	if s.Text == "" {
		return
	}
	number := strconv.Itoa(line)
	if t.Width > 0 {
		s = s.fit(t.Width - len(number) - len(" | "))
	}
	indent, caret := s.underline()
	fmt.Fprintf(out, "%s | %s\n%*s | %s%s\n", number, s.Text, len(number), "", indent, t.paint(level, caret))
}

// link names the rule of a finding, with a hyperlink to its page (OSC 8).
func (t Text) link(f *Finding) string {
	name := f.Rule + " " + f.Slug
	if t.DocsURL == "" {
		return name
	}
	return "\x1b]8;;" + pageURL(t.DocsURL, f.Rule) + "\x1b\\" + name + "\x1b]8;;\x1b\\"
}

// paint colours text by a level: red, yellow, blue.
func (t Text) paint(level schemas.Level, text string) string {
	code := map[schemas.Level]string{schemas.LevelError: "31", schemas.LevelWarning: "33", schemas.LevelInfo: "34"}[level]
	if !t.Color || code == "" {
		return text
	}
	return "\x1b[1;" + code + "m" + text + "\x1b[0m"
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
	files := count(s.Files+s.Rollouts, "file")
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
