package lint

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"lockstep/schemas"
)

// A block says where the text of a scalar stands in the file around it. Line
// by line that can be said of a literal block only: of one that is folded,
// quoted or encoded the start is known.
type block struct {
	start  schemas.Span // of the scalar
	lines  []string     // of the file
	first  int          // line of the text in the file, counted from 1
	count  int          // of its lines; 0 if their places are not known
	indent int          // of each line, in columns
}

// blockOf finds the lines of a scalar's text in the file. It believes its
// eyes rather than the rules of YAML: what differs in any line has no places.
func (m *manifest) blockOf(node *yaml.Node) *block {
	b := &block{start: m.doc.Span(node), lines: m.lines, indent: -1}
	line := b.line(b.start.Start.Line)
	if node.Style&yaml.LiteralStyle == 0 || !strings.HasPrefix(fromColumn(line, b.start.Start.Column), "|") {
		return b
	}
	b.first = b.start.Start.Line + 1
	text := strings.Split(strings.NewReplacer("\u2028", "\n", "\u2029", "\n").Replace(node.Value), "\n") // the parser makes \n of all other breaks
	for i, want := range text {
		if i == len(text)-1 && want == "" {
			break // what the last line break ends is no line
		}
		if !b.matches(b.line(b.first+i), want) {
			b.count = 0
			break
		}
		b.count++
	}
	b.indent = max(b.indent, 0)
	return b
}

// matches reports whether a line of the file is want, indented. The first
// line that is not blank tells the indentation of all.
func (b *block) matches(line, want string) bool {
	if want == "" {
		return strings.Trim(line, " ") == ""
	}
	indented, ok := strings.CutSuffix(line, want)
	if b.indent < 0 {
		b.indent = len(indented)
	}
	return ok && len(indented) == b.indent && strings.Trim(indented, " ") == ""
}

// pad moves text down to the line where it stands in the file, so that what
// is said of its lines is true of the file. A byte order mark counts on the
// first line only.
func (b *block) pad(text string) []byte {
	if strings.HasPrefix(text, "\ufeff") {
		b.count = 0
	}
	if b.count == 0 {
		return []byte(text)
	}
	return []byte(strings.Repeat("\n", b.first-1) + text)
}

// place turns a place in the padded text into one in the file.
func (b *block) place(span schemas.Span) schemas.Span {
	if !b.holds(span.Start) || !b.holds(span.End) {
		return b.start
	}
	return schemas.Span{Start: b.shift(span.Start), End: b.shift(span.End)}
}

func (b *block) holds(at schemas.Position) bool {
	return at.Line >= b.first && at.Line < b.first+b.count
}

// shift adds the indentation, which a blank line may lack.
func (b *block) shift(at schemas.Position) schemas.Position {
	width := utf8.RuneCountInString(b.line(at.Line))
	return schemas.Position{Line: at.Line, Column: min(at.Column+b.indent, width+1)}
}

// line returns a line of the file counted from 1, empty if there is none.
func (b *block) line(n int) string {
	if n < 1 || n > len(b.lines) {
		return ""
	}
	return b.lines[n-1]
}

// fromColumn cuts off what stands before a column.
func fromColumn(line string, column int) string {
	for i := range line {
		if column--; column < 1 {
			return line[i:]
		}
	}
	return ""
}

// placeAll turns all places in a report into those in the file, and shows the
// lines there. One that is not in the file as it was read cannot be shown.
func (b *block) placeAll(r *Report) {
	for _, findings := range [][]Finding{r.Findings, r.Known, r.Unchanged} {
		for i := range findings {
			b.placeFinding(&findings[i])
		}
	}
	for i := range r.Suppressed {
		b.placeFinding(&r.Suppressed[i].Finding)
	}
	for _, fault := range r.Unanswered {
		fault.Span = b.place(fault.Span)
	}
	for i := range r.Listeners {
		at := schemas.Position{Line: r.Listeners[i].Line, Column: 1}
		r.Listeners[i].Line = b.place(schemas.Span{Start: at, End: at}).Start.Line
	}
}

func (b *block) placeFinding(f *Finding) {
	f.Fix = nil
	if f.Outside {
		return
	}
	f.Snippet = b.outer(f.Snippet, f.Span)
	f.Span = b.place(f.Span)
	for i := range f.Related {
		r := &f.Related[i]
		r.Snippet, r.Span = b.outer(r.Snippet, r.Span), b.place(r.Span)
	}
}

// outer gives a line its indentation in the file, unless it is cut there.
func (b *block) outer(s Snippet, span schemas.Span) Snippet {
	switch {
	case s.Text == "" || !b.holds(span.Start) || !b.holds(span.End):
		return Snippet{}
	case !strings.HasPrefix(s.Text, string(cut)):
		s.Text = strings.Repeat(" ", b.indent) + s.Text
		s.Start, s.End = s.Start+b.indent, s.End+b.indent
	}
	return s
}
