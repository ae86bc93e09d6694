package migrate

import (
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"

	"lockstep/schemas"
)

// WriteText writes the report for a terminal: the same as [Report.WriteHTML],
// with the last value of each curve.
func (r *Report) WriteText(w io.Writer) error {
	text := &strings.Builder{}
	fmt.Fprintln(text, r.Status.title())
	for _, line := range append(r.Status.summary(), r.evidenceText()) {
		fmt.Fprintln(text, line)
	}
	fmt.Fprintln(text, "days of clients: o passed, X failed, x both, ? expected, . silent, | first of a month")
	for i := range r.Apps {
		r.Apps[i].write(text)
	}
	if left := r.leftOut(); left != "" {
		fmt.Fprintf(text, "\n%s\n", left)
	}
	writeCauses(text, r.Causes)
	r.Timeline.write(text)
	r.Health.write(text)
	if _, err := io.WriteString(w, text.String()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// evidenceText says what the report was made from.
func (r *Report) evidenceText() string {
	if r.Window.From.IsZero() {
		return "evidence: none"
	}
	return fmt.Sprintf("evidence: %s to %s", minute(r.Window.From), minute(r.Window.To))
}

func (r *Report) leftOut() string {
	if r.AppsLeftOut == 0 {
		return ""
	}
	return fmt.Sprintf("and %s with less to do, not shown; `lockstep migrate status` lists every subject", plural(r.AppsLeftOut, "app", "apps"))
}

func (a *AppReport) write(w *strings.Builder) {
	fmt.Fprintf(w, "\n%s: %s\n", appText(a.App), a.State)
	for _, v := range a.Subjects {
		fmt.Fprintf(w, "  %s  %s → %s: %s\n", v.Subject, v.From, v.To, stateOf(v.Verdict))
		for _, line := range verdictLines(v) {
			fmt.Fprintf(w, "    %s\n", line)
		}
	}
	a.Heat.write(w)
	for _, line := range a.figures() {
		fmt.Fprintf(w, "  %s\n", line)
	}
	for _, note := range a.notes() {
		fmt.Fprintf(w, "  %s\n", note)
	}
}

// verdictLines are the reasons of a verdict, when the step is ready, and advice.
func verdictLines(v schemas.SubjectVerdict) []string {
	lines := append([]string{}, v.Reasons...)
	if v.Ready != nil {
		lines = append(lines, fmt.Sprintf("ready %s if nothing fails until then", minute(*v.Ready)))
	}
	if v.Advice != "" {
		lines = append(lines, "advice: "+v.Advice)
	}
	return lines
}

// figures are the last values of the curves.
func (a *AppReport) figures() []string {
	var lines []string
	if n := len(a.Coverage.Points); n > 0 {
		last := a.Coverage.Points[n-1]
		lines = append(lines, fmt.Sprintf("coverage: %s seen, %d expected, about %s that nobody named still to come",
			plural(last.Seen, "client", "clients"), a.Coverage.Expected, brief(last.Unseen)))
	}
	if n := len(a.Evidence); n > 0 {
		last := a.Evidence[n-1]
		lines = append(lines, fmt.Sprintf("e-value: %.3g of %g, epoch %d; %s clean", last.E, last.Bar, last.Epoch, plural(last.Clean, "day", "days")))
	}
	if r := a.Risk; r != nil {
		lines = append(lines, fmt.Sprintf("risk: %s of at most %g: %s have not come, %s repaired, %s nobody named",
			brief(r.Total), r.Limit, brief(r.Unseen), brief(r.Repaired), brief(r.Unknown)))
	}
	return lines
}

// notes say why something is not shown.
func (a *AppReport) notes() []string {
	var notes []string
	if len(a.Heat.Rows) == 0 {
		notes = append(notes, "no client was seen")
	}
	if a.Limits != nil && a.Risk == nil {
		notes = append(notes, "no risk is reckoned before the shortest window is over")
	}
	return notes
}

// nameWidth is how many columns of a terminal a name in a heat map takes.
const nameWidth = 24

// write draws the heat map with one letter for each day.
func (h *Heat) write(w *strings.Builder) {
	if len(h.Rows) == 0 || len(h.Days) == 0 {
		return
	}
	fmt.Fprintf(w, "  %s to %s:\n", h.Days[0], h.Days[len(h.Days)-1])
	width := runewidth.Condition{StrictEmojiNeutral: true} // the same on every machine
	for i := range h.Rows {
		row := &h.Rows[i]
		letters := []byte(strings.Repeat(".", len(h.Days)))
		for _, cell := range row.Cells {
			letters[cell.Column] = cell.letter()
		}
		name := width.FillRight(width.Truncate(printable(row.Client), nameWidth, "…"), nameWidth)
		fmt.Fprintf(w, "    %s %s %s\n", name, withMonths(h.Days, string(letters)), row.standingText())
	}
	if left := h.leftOut(); left != "" {
		fmt.Fprintf(w, "    %s\n", left)
	}
}

func (c HeatCell) letter() byte {
	switch {
	case c.Missing:
		return '?'
	case c.Fail == 0:
		return 'o'
	case c.OK == 0:
		return 'X'
	}
	return 'x'
}

// withMonths puts a line before each first of a month.
func withMonths(days []schemas.Date, letters string) string {
	var text strings.Builder
	for i, day := range days {
		if i > 0 && strings.HasSuffix(string(day), "-01") {
			text.WriteByte('|')
		}
		text.WriteByte(letters[i])
	}
	return text.String()
}

// leftOut counts the clients that are not shown, by standing.
func (h *Heat) leftOut() string {
	var parts []string
	for _, standing := range standingOrder() {
		if n := h.LeftOut[standing]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d (%s)", n, standing))
		}
	}
	switch {
	case len(parts) > 0:
		return "not shown: " + strings.Join(parts, ", ")
	case h.Earlier:
		return fmt.Sprintf("the days before the last %d are not shown", maxDays)
	}
	return ""
}

func (t *Timeline) leftOut() string {
	var parts []string
	if t.EntriesLeftOut > 0 {
		parts = append(parts, plural(t.EntriesLeftOut, "entry", "entries")+" before")
	}
	if t.LanesLeftOut > 0 {
		parts = append(parts, plural(t.LanesLeftOut, "subject", "subjects"))
	}
	if len(parts) == 0 {
		return ""
	}
	return "not shown: " + strings.Join(parts, ", ")
}

func (t *Timeline) write(w *strings.Builder) {
	rows := t.table().Rows
	if len(rows) == 0 {
		fmt.Fprintln(w, "\nthe journal is empty")
		return
	}
	table := newTable(w)
	fmt.Fprintln(table, "\n"+strings.ToUpper(strings.Join(t.table().Head, "\t")))
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	_ = table.Flush() // it writes to memory
	if left := t.leftOut(); left != "" {
		fmt.Fprintln(w, left)
	}
}

// sentences say how complete the evidence is.
func (h *Health) sentences() []string {
	c := h.Coverage
	lines := []string{
		fmt.Sprintf("lines: %d, of them %d events, %d ignored, %d not understood (%.3g %%, at most %.3g %%)",
			c.Lines, c.Parsed, c.Ignored, c.Unparsed, 100*c.UnparsedShare(), 100*h.MaxUnparsed),
		fmt.Sprintf("clients: %d verified, %d claimed", h.Verified, h.Claimed),
	}
	lines = append(lines, h.Unknown...)
	for _, d := range h.Dominant[:min(len(h.Dominant), maxApps)] {
		lines = append(lines, d.sentence(h.FailuresOnly))
	}
	if h.FailuresOnly {
		lines = append(lines, failuresOnly)
	}
	if h.Exposed.Records > 0 {
		lines = append(lines, h.Exposed.sentence())
	}
	return lines
}

func (h *Health) write(w *strings.Builder) {
	fmt.Fprintf(w, "\nevidence, the last %d days:\n", maxHealth/24)
	for _, line := range h.sentences() {
		fmt.Fprintf(w, "  %s\n", line)
	}
	figure := healthFigure(*h)
	if figure.Lanes == nil {
		fmt.Fprintln(w, "  no node has reported")
		return
	}
	table := newTable(w)
	fmt.Fprintln(table, "  "+strings.ToUpper(strings.Join(figure.Data.Head, "\t")))
	for _, row := range figure.Data.Rows {
		fmt.Fprintln(table, "  "+strings.Join(row, "\t"))
	}
	_ = table.Flush() // it writes to memory
	if figure.Note != "" {
		fmt.Fprintf(w, "  %s\n", figure.Note)
	}
}
