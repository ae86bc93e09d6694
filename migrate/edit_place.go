package migrate

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"lockstep/schemas"
)

// places turns the positions of a document into offsets in its bytes.
type places struct {
	source []byte
	starts []int // of each line
}

// newPlaces finds the lines of source, which ends where the YAML parser says:
// at any of the line breaks of YAML 1.1. A byte order mark is not part of the
// first line.
func newPlaces(source []byte) places {
	start := len(source) - len(bytes.TrimPrefix(source, []byte("\ufeff")))
	p := places{source: source, starts: []int{start}}
	for at := start; ; {
		next, lineBreak := p.nextLine(at)
		if lineBreak == "" {
			return p
		}
		p.starts = append(p.starts, next)
		at = next
	}
}

// nextLine returns where the line after the one at offset begins, and the
// line break before it, which is empty at the end of the source.
func (p places) nextLine(offset int) (next int, lineBreak string) {
	rest := p.source[offset:]
	i := bytes.IndexAny(rest, "\r\n\u0085\u2028\u2029")
	if i < 0 {
		return len(p.source), ""
	}
	_, width := utf8.DecodeRune(rest[i:])
	if bytes.HasPrefix(rest[i:], []byte("\r\n")) {
		width = 2
	}
	return offset + i + width, string(rest[i : i+width])
}

// lineBreak is the one that the first line ends with.
func (p places) lineBreak() string {
	if _, first := p.nextLine(p.starts[0]); strings.TrimSpace(first) == "" && first != "" {
		return first
	}
	return "\n"
}

func (p places) span(span schemas.Span) (start, end int) {
	return p.offset(span.Start), p.offset(span.End)
}

// offset finds a position, whose column counts code points. What is not there
// becomes the nearest place that is.
func (p places) offset(at schemas.Position) int {
	if at.Line > len(p.starts) {
		return len(p.source)
	}
	offset := p.starts[max(at.Line, 1)-1]
	for range at.Column - 1 {
		_, width := utf8.DecodeRune(p.source[offset:])
		offset += width
	}
	return offset
}
