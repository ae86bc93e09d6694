package schemas

import (
	"bytes"
	"sort"
	"unicode/utf8"
)

// locate finds the positions of all placeholders in both texts.
func (e *Expansion) locate() {
	if bytes.HasPrefix(e.source, []byte{0xff, 0xfe}) || bytes.HasPrefix(e.source, []byte{0xfe, 0xff}) {
		e.unplaced = true // in UTF-16 only the bytes of other characters look like placeholders
		return
	}
	inFile, inText, done := newCursor(), newCursor(), 0
	for i := range e.Placeholders {
		p := &e.Placeholders[i]
		between := e.source[done:p.source.from]
		p.source.start, p.text.start = inFile.advance(between), inText.advance(between)
		p.source.end, p.text.end = inFile.advance(e.source[p.source.from:p.source.to]), inText.advance(p.Value.Reveal())
		done = p.source.to
		first := e.source[p.source.from:p.source.to]
		if i := bytes.IndexAny(first, "\r\n\u0085\u2028\u2029"); i >= 0 {
			first = first[:i]
		}
		p.Span = Span{p.source.start, p.source.start}
		p.Span.End.Column += utf8.RuneCount(first)
	}
}

// A cursor moves through a text and counts lines and columns as the YAML
// parser does.
type cursor struct {
	at    Position
	begun bool // a byte order mark is no longer expected
	cr    bool // a line feed would belong to the break before
}

func newCursor() *cursor { return &cursor{at: Position{1, 1}} }

// advance moves behind text and returns where that is.
func (c *cursor) advance(text []byte) Position {
	for i, r := range string(text) {
		switch {
		case r == '\ufeff' && i == 0 && !c.begun:
		case r == '\n' && c.cr:
		case r == '\n', r == '\r', r == '\u0085', r == '\u2028', r == '\u2029':
			c.at = Position{c.at.Line + 1, 1}
		default:
			c.at.Column++
		}
		c.cr, c.begun = r == '\r', true
	}
	return c.at
}

// start returns where what begins at a position of the expanded text begins
// in the file: with a placeholder if the position is in what replaced it.
func (e *Expansion) start(at Position) Position {
	i := sort.Search(len(e.Placeholders), func(i int) bool { return after(e.Placeholders[i].text.start, at) }) - 1
	for i > 0 && e.Placeholders[i-1].text.start == at { // the first of several that are empty
		i--
	}
	if i < 0 || e.unplaced {
		return at
	}
	if p := &e.Placeholders[i]; p.text.start == at || after(p.text.end, at) {
		return p.source.start
	}
	return e.behind(i, at)
}

// end returns where what ends at a position of the expanded text ends in the
// file: with a placeholder if the position is in what replaced it.
func (e *Expansion) end(at Position) Position {
	i := sort.Search(len(e.Placeholders), func(i int) bool {
		p := &e.Placeholders[i]
		return after(p.text.start, at) || (p.text.start == at && p.text.end != at)
	}) - 1
	if i < 0 || e.unplaced {
		return at
	}
	if p := &e.Placeholders[i]; !after(at, p.text.end) {
		return p.source.end
	}
	return e.behind(i, at)
}

// behind translates a position between placeholder i and the next one.
func (e *Expansion) behind(i int, at Position) Position {
	p := &e.Placeholders[i]
	if at.Line == p.text.end.Line {
		return Position{p.source.end.Line, p.source.end.Column + at.Column - p.text.end.Column}
	}
	return Position{p.source.end.Line + at.Line - p.text.end.Line, at.Column}
}

// touches reports whether a variable stands in a span of the expanded text.
func (e *Expansion) touches(s Span) bool {
	if e.unplaced {
		return len(e.Placeholders) > 0
	}
	i := sort.Search(len(e.Placeholders), func(i int) bool { return after(e.Placeholders[i].text.end, s.Start) })
	return i < len(e.Placeholders) && after(s.End, e.Placeholders[i].text.start)
}

// after reports whether a comes after b.
func after(a, b Position) bool {
	return a.Line > b.Line || (a.Line == b.Line && a.Column > b.Column)
}
