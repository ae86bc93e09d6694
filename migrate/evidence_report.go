package migrate

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"lockstep/schemas"
)

// WriteJSON writes the evidence for programs.
func (e *Evidence) WriteJSON(w io.Writer) error {
	type coverage struct {
		Coverage
		Nodes []Node `json:"nodes"`
		Gaps  []Gap  `json:"gaps"`
	}
	report := struct {
		Window   Window      `json:"window"`
		Coverage coverage    `json:"coverage"`
		Clients  []ClientRow `json:"clients"`
	}{
		Window:   e.Window,
		Coverage: coverage{e.Coverage, append([]Node{}, e.Nodes...), append([]Gap{}, e.Gaps...)},
		Clients:  e.Clients(),
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(report); err != nil {
		return fmt.Errorf("write evidence: %w", err)
	}
	return nil
}

// WriteText writes the evidence for people.
func (e *Evidence) WriteText(w io.Writer) error {
	text := &strings.Builder{}
	e.writeCoverage(text)
	e.writeNodes(text)
	e.writeClients(text)
	_, err := io.WriteString(w, text.String())
	if err != nil {
		return fmt.Errorf("write evidence: %w", err)
	}
	return nil
}

func (e *Evidence) writeCoverage(w io.Writer) {
	c := e.Coverage
	if !e.Window.From.IsZero() {
		fmt.Fprintf(w, "%s, %s to %s\n", printable(e.Environment), minute(e.Window.From), minute(e.Window.To))
	}
	fmt.Fprintf(w, "%d lines: %d events, %d ignored, %d not understood\n", c.Lines, c.Parsed, c.Ignored, c.Unparsed)
	for _, s := range e.Samples {
		fmt.Fprintf(w, "  %s:%d: %s\n", printable(s.File), s.Line, s.Reason)
	}
	if c.Unfinished > 0 {
		fmt.Fprintf(w, "%s still being written, the last line is left out\n", plural(c.Unfinished, "file is", "files are"))
	}
}

func (e *Evidence) writeNodes(w io.Writer) {
	if len(e.Nodes) == 0 {
		return
	}
	table := newTable(w)
	fmt.Fprintln(table, "\nNODE\tFIRST HEARTBEAT\tLAST HEARTBEAT\tHOURS\tSILENT HOURS\tLINES MISSING")
	for _, n := range e.Nodes {
		silent, lines := missing(e.Gaps, n.Name, time.Time{})
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%d\n", printable(n.Name), minute(n.First), minute(n.Last), n.Hours, silent, lines)
	}
	_ = table.Flush() // it writes to memory
}

func (e *Evidence) writeClients(w io.Writer) {
	clients := e.Clients()
	if len(clients) == 0 {
		fmt.Fprintln(w, "\nno client has been seen")
		return
	}
	table := newTable(w)
	fmt.Fprintln(table, "\nSUBJECT\tCLIENT\tKNOWN\tOK\tFAIL\tREASONS\tFIRST\tLAST\tDAYS")
	for _, c := range clients {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\t%d\n", c.Subject, printable(c.Client), c.How, c.OK, c.Fail,
			reasonText(c.Reasons), minute(c.First), minute(c.Last), c.Days)
	}
	_ = table.Flush() // it writes to memory
}

// newTable aligns columns that are separated by tabs.
func newTable(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }

// reasonText lists reasons with their counts, a dash if there are none.
func reasonText(reasons map[schemas.Reason]uint64) string {
	parts := make([]string, 0, len(reasons))
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		parts = append(parts, fmt.Sprintf("%s %d", reason, reasons[reason]))
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}

// minute shows a moment to the minute, in UTC.
func minute(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}

// plural counts things: "1 client", "2 clients".
func plural[N int | uint64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
