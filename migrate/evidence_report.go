package migrate

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"lockstep/schemas"
)

// WriteJSON writes the evidence for programs, client by client.
func (e *Evidence) WriteJSON(w io.Writer) error {
	out := &jsonWriter{out: bufio.NewWriter(w)}
	out.indented("{\n  \"window\": ", e.Window)
	out.indented(",\n  \"coverage\": ", e.coverage())
	if until := e.CompleteUntil(); !until.IsZero() {
		out.line(",\n  \"complete_until\": ", until)
	}
	out.indented(",\n  \"sources\": ", append([]SourceState{}, e.Sources...))
	err := e.writeClientsJSON(out)
	if err := errors.Join(err, out.err, out.out.Flush()); err != nil {
		return fmt.Errorf("write evidence: %w", err)
	}
	return nil
}

// clientLines are the clients of a span as they are written, and what it takes to make them.
type clientLines struct {
	sums    *clientSums
	encoder clientEncoder
	text    []byte
	touched int // so that memory is touched
}

const clientSeparator = ",\n    "

// clientBytes is what a client mostly takes less than.
const clientBytes = 1 << 10

// encodeClients makes the lines of a span, with the memory of those of another.
func encodeClients(span tallySpan, l *clientLines) *clientLines {
	if l == nil {
		l = &clientLines{sums: newClientSums()}
	}
	l.text = l.text[:0]
	l.touched += span.touch()
	for c := range l.sums.of(span) {
		if cap(l.text)-len(l.text) < clientBytes {
			l.text = slices.Grow(l.text, max(len(l.text), pieceBytes)) // which costs less memory than to grow by bits
		}
		l.text = l.encoder.append(append(l.text, clientSeparator...), c)
	}
	return l
}

// pieceBytes is how much is written at once: system calls cost little then, and
// larger pieces have the kernel look for larger pages, which takes longer.
const pieceBytes = 64 << 10

func (e *Evidence) writeClientsJSON(out *jsonWriter) error {
	out.text(",\n  \"clients\": [")
	end, skip := "]\n}\n", len(",")
	err := eachSpan(context.Background(), e.source, encodeClients, func(l *clientLines) error {
		for piece := range slices.Chunk(l.text[skip:], pieceBytes) {
			out.bytes(piece)
		}
		end, skip = "\n  ]\n}\n", 0
		return out.err
	})
	out.text(end)
	return errors.Join(err, e.failed)
}

// coverageJSON is how complete the logs are.
type coverageJSON struct {
	Coverage
	Samples  []Sample        `json:"samples"`
	Nodes    []nodeJSON      `json:"nodes"`
	Gaps     []Gap           `json:"gaps"`
	Unknown  []UnknownWindow `json:"unknown,omitempty"`
	Dominant []Dominant      `json:"dominant"`
	Exposed  *Exposure       `json:"exposed,omitempty"`
}

func (e *Evidence) coverage() coverageJSON {
	nodes := make([]nodeJSON, len(e.Nodes))
	for i, n := range e.Nodes {
		nodes[i] = nodeJSON{n, n.FailuresOnly()}
	}
	var exposed *Exposure
	if e.Exposed.Records > 0 {
		exposed = &e.Exposed
	}
	return coverageJSON{
		e.Coverage, append([]Sample{}, e.Samples...), nodes, append([]Gap{}, e.Gaps...), e.Unknown, append([]Dominant{}, e.Dominant...), exposed,
	}
}

// nodeJSON is a node with what follows from its counts.
type nodeJSON struct {
	Node
	FailuresOnly bool `json:"failures_only"`
}

// A jsonWriter writes a document piece by piece, as not all of it may fit into memory.
type jsonWriter struct {
	out *bufio.Writer
	err error
}

func (j *jsonWriter) text(text string) {
	_, err := j.out.WriteString(text)
	j.err = errors.Join(j.err, err)
}

func (j *jsonWriter) indented(before string, value any) {
	text, err := json.MarshalIndent(value, "  ", "  ")
	j.text(before)
	j.text(string(text))
	j.err = errors.Join(j.err, err)
}

// line writes a value on one line: there may be millions.
func (j *jsonWriter) line(before string, value any) {
	text, err := json.Marshal(value)
	j.text(before)
	j.text(string(text))
	j.err = errors.Join(j.err, err)
}

func (j *jsonWriter) bytes(text []byte) {
	if _, err := j.out.Write(text); err != nil && j.err == nil {
		j.err = err
	}
}

// WriteText writes the evidence for people.
func (e *Evidence) WriteText(w io.Writer) error {
	out := bufio.NewWriter(w)
	e.writeUnknown(out)
	e.writeCoverage(out)
	e.writeNodes(out)
	e.writeClients(out)
	e.writeQuality(out)
	e.writeExposed(out)
	if err := errors.Join(e.failed, out.Flush()); err != nil {
		return fmt.Errorf("write evidence: %w", err)
	}
	return nil
}

func (e *Evidence) writeCoverage(w io.Writer) {
	c := e.Coverage
	if !e.Window.From.IsZero() {
		fmt.Fprintf(w, "%s, %s to %s\n", printable(e.Environment), minute(e.Window.From), minute(e.Window.To))
	}
	e.writeCompleteUntil(w)
	fmt.Fprintf(w, "%d lines: %d events, %d ignored, %d not understood\n", c.Lines, c.Parsed, c.Ignored, c.Unparsed)
	for _, s := range e.Samples {
		fmt.Fprintf(w, "  %s: %s\n", s.place(), s.Reason)
	}
	if c.Unfinished > 0 {
		fmt.Fprintf(w, "%s still being written, the last line is left out\n", plural(c.Unfinished, "file is", "files are"))
	}
	if c.Copies > 0 {
		fmt.Fprintf(w, "%s left out, as another file begins with all the same lines\n", plural(c.Copies, "file is", "files are"))
	}
	if c.Shorter > 0 {
		fmt.Fprintf(w, "%s left out, as more was read before of one that begins like it\n", plural(c.Shorter, "file is", "files are"))
	}
	if c.Replaced > 0 {
		fmt.Fprintf(w, "%s replaced and not found again: give rotated logs too, or lines that came last may be missing\n", plural(c.Replaced, "log was", "logs were"))
	}
}

// writeCompleteUntil says how far the evidence goes, and who is behind.
func (e *Evidence) writeCompleteUntil(w io.Writer) {
	switch s := e.behind(); {
	case len(e.Sources) == 0:
	case s.CompleteUntil.IsZero():
		fmt.Fprintf(w, "not complete: %s has told nothing\n", printable(s.Name))
	default:
		fmt.Fprintf(w, "complete until %s, as far as %s goes\n", minute(s.CompleteUntil), printable(s.Name))
	}
}

// writeUnknown names what nobody could read, before all that was read.
func (e *Evidence) writeUnknown(w io.Writer) {
	for _, u := range unknownBySource(e.Unknown, time.Time{}) {
		fmt.Fprintln(w, u.sentence())
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

// writeClients writes the table of clients in two rounds: how wide its columns
// are, then what is in them. There may be too many clients to hold them all.
func (e *Evidence) writeClients(w io.Writer) {
	head := clientCells{"SUBJECT", "CLIENT", "KNOWN", "OK", "FAIL", "REASONS", "FIRST", "LAST", "DAYS"}
	var widths [len(head)]int
	none := true
	for c := range e.Clients() {
		none = false
		for i, cell := range cells(&c) {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell), len(head[i]))
		}
	}
	if none {
		fmt.Fprintln(w, "\nno client has been seen")
		return
	}
	fmt.Fprintln(w)
	head.write(w, widths)
	for c := range e.Clients() {
		cells(&c).write(w, widths)
	}
}

// clientCells is a line of the table of clients.
type clientCells [9]string

func cells(c *ClientRow) clientCells {
	return clientCells{
		c.Subject, printable(c.Client), string(c.How), strconv.FormatUint(c.OK, 10), strconv.FormatUint(c.Fail, 10),
		reasonText(c.Reasons), minute(c.First), minute(c.Last), strconv.Itoa(c.Days),
	}
}

func (c clientCells) write(w io.Writer, widths [9]int) {
	for i, cell := range c[:len(c)-1] {
		fmt.Fprintf(w, "%-*s  ", widths[i], cell)
	}
	fmt.Fprintln(w, c[len(c)-1])
}

// writeQuality warns of what makes the evidence worth less than it seems.
func (e *Evidence) writeQuality(w io.Writer) {
	separator := "\n"
	for _, d := range e.Dominant {
		fmt.Fprintf(w, "%s%s\n", separator, d.sentence(e.FailuresOnly))
		separator = ""
	}
	if e.FailuresOnly {
		fmt.Fprintf(w, "%s%s\n", separator, failuresOnly)
		separator = ""
	}
	for _, n := range e.Nodes {
		if n.FailuresOnly() && !e.FailuresOnly {
			fmt.Fprintf(w, "%snode %s has logged only failures: if its log leaves out what passes, nobody can be seen to be repaired\n",
				separator, printable(n.Name))
			separator = ""
		}
		for _, span := range n.Twins {
			fmt.Fprintf(w, "%s%s\n", separator, span.twins(printable(n.Name)))
			separator = ""
		}
		if times, last := cuts(e.Gaps, n.Name); times > 0 {
			fmt.Fprintf(w, "%snode %s was ended %s without a last word, last after %s: what it had counted then is lost\n",
				separator, printable(n.Name), plural(times, "time", "times"), minute(last))
			separator = ""
		}
	}
}

// failuresOnly is said of logs that leave out what passes.
const failuresOnly = "these logs tell of failures only: who passes shows in an inventory that is renewed meanwhile, or in signatures that are verified again"

// sentence warns of a client that may hide others.
func (d Dominant) sentence(failuresOnly bool) string {
	what := "requests"
	if failuresOnly {
		what = "failures"
	}
	return fmt.Sprintf("%s (%s) makes %.0f%% of the %s of %s: if it is a proxy, it hides who is behind it",
		printable(d.Client), d.How, 100*d.Share, what, printable(d.App))
}

func (x *Exposure) sentence() string {
	return fmt.Sprintf("secrets are printed in clear, %s: whoever can read the logs can sign; keep them as closely, and replace the keys",
		plural(x.Records, "time", "times"))
}

// writeExposed warns of secrets in the logs, and says where and nothing more.
func (e *Evidence) writeExposed(w io.Writer) {
	if e.Exposed.Records == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", e.Exposed.sentence())
	for _, s := range e.Exposed.Samples {
		fmt.Fprintf(w, "  %s: %s\n", s.place(), s.Reason)
	}
}

// cuts counts how often a node was ended without a last word, and tells when
// it was last heard of before the last time.
func cuts(gaps []Gap, node string) (times int, last time.Time) {
	for _, gap := range gaps {
		if gap.Node == node && gap.Cut {
			times, last = times+1, gap.From
		}
	}
	return times, last
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
