package lint

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// GitHubSummary writes Markdown for the summary of a job, which has room for
// what annotations have not.
type GitHubSummary struct {
	DocsURL string // where the pages of the rules are; may be empty
}

// summaryRows keeps a summary far below the one MiB that GitHub takes.
const summaryRows = 1000

// Report implements [Reporter].
func (g GitHubSummary) Report(w io.Writer, reports []*Report) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "## lockstep lint\n\n%s\n\n", totals(Summarize(reports)))
	all := worstFirst(reports)
	if len(all) > 0 {
		fmt.Fprint(&out, "| level | rule | place | finding |\n|---|---|---|---|\n")
	}
	for i, f := range all {
		if i == summaryRows {
			fmt.Fprintf(&out, "\n… and %d more.\n", len(all)-i)
			break
		}
		fmt.Fprintf(&out, "| %s | %s | %s:%d:%d | %s |\n", f.Severity, g.rule(f),
			markdown(f.Path), f.Span.Start.Line, f.Span.Start.Column, markdown(f.about())+g.hint(f))
	}
	if len(all) > 0 {
		fmt.Fprintln(&out)
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	return nil
}

func (g GitHubSummary) rule(f *Finding) string {
	if g.DocsURL == "" {
		return f.Rule + " " + f.Slug
	}
	return fmt.Sprintf("[%s](<%s>) %s", f.Rule, pageURL(g.DocsURL, f.Rule), f.Slug)
}

func (GitHubSummary) hint(f *Finding) string {
	if f.Hint == "" {
		return ""
	}
	return "<br>" + markdown(f.Hint)
}

// markdown escapes text so that it comes out as it is, also in a table.
func markdown(text string) string {
	var out strings.Builder
	for _, r := range printable(text) {
		switch {
		case r == '<':
			out.WriteString("&lt;")
			continue
		case r == '&':
			out.WriteString("&amp;")
			continue
		case strings.ContainsRune("\\`*_[]|~>$", r):
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
	return out.String()
}
