package scan

import "strings"

// The kinds of a scalar value.
const (
	kindString = iota
	kindNumber
	kindWord // true, false or null
	kindEnd  // none: the line ends
)

// A mark is where a scalar value is, without quotes.
type mark struct {
	from, to int
	kind     uint8
	field    int // -1 if it is not looked for
}

// unwanted is for values in which nothing is looked for.
const unwanted = -1

// blanks returns the place of the next byte that is not white space.
func (s *Scanner) blanks(at int) int {
	for at < len(s.text) {
		switch s.text[at] {
		case ' ', '\t', '\r', '\n':
			at++
		default:
			return at
		}
	}
	return at
}

func (s *Scanner) is(at int, c byte) bool { return at < len(s.text) && s.text[at] == c }

// object reads an object that begins at a place; o is nil if nothing is looked
// for in it. All of these return the place behind, and whether it is well.
func (s *Scanner) object(o *object, at, depth int) (int, bool) {
	if !s.is(at, '{') || depth > maxDepth {
		return at, false
	}
	if o != nil {
		for _, field := range o.below {
			s.spans[field] = Span{From: o.depth}
		}
	}
	if at = s.blanks(at + 1); s.is(at, '}') {
		return at + 1, true
	}
	for {
		end, ok := s.member(o, at, depth)
		if !ok {
			return end, false
		}
		switch at = s.blanks(end); {
		case s.is(at, '}'):
			return at + 1, true
		case !s.is(at, ','):
			return at, false
		}
		at = s.blanks(at + 1)
	}
}

// member reads a name and its value.
func (s *Scanner) member(o *object, at, depth int) (int, bool) {
	end, ok := s.quoted(at)
	if !ok {
		return end, false
	}
	name := s.text[at+1 : end-1]
	if at = s.blanks(end); !s.is(at, ':') {
		return at, false
	}
	at = s.blanks(at + 1)
	if o == nil {
		return s.value(at, depth, unwanted)
	}
	if strings.IndexByte(name, '\\') >= 0 {
		return at, false // it may be one of those
	}
	e := o.find(name)
	if e == nil {
		return s.value(at, depth, unwanted)
	}
	if s.seen&e.bit != 0 {
		return at, false // which of the two counts is for others to say
	}
	s.seen |= e.bit
	return s.wanted(e, at, depth)
}

// wanted reads the value of an entry.
func (s *Scanner) wanted(e *entry, at, depth int) (int, bool) {
	switch {
	case e.inner == nil:
		marks := len(s.marks)
		end, ok := s.value(at, depth, e.field)
		s.spans[e.field] = Span{int32(at), int32(end)} //nolint:gosec // places in a block
		if len(s.marks) != marks+1 || s.marks[marks].field != e.field {
			s.lists |= 1 << e.field
		}
		return end, ok
	case s.is(at, '{'):
		return s.object(e.inner, at, depth+1)
	}
	return at, false // a field is looked for in what has none
}

// value reads any value. A scalar one is marked as that of a field.
func (s *Scanner) value(at, depth, field int) (int, bool) {
	if at >= len(s.text) {
		return at, false
	}
	switch c := s.text[at]; c {
	case '{':
		return s.object(nil, at, depth+1)
	case '[':
		return s.list(at, depth+1)
	case '"':
		end, ok := s.quoted(at)
		s.marks = append(s.marks, mark{at + 1, end - 1, kindString, field})
		return end, ok
	case 't', 'f', 'n':
		end := word(s.text, at)
		s.marks = append(s.marks, mark{at, end, kindWord, field})
		return end, end > at
	}
	end := number(s.text, at)
	s.marks = append(s.marks, mark{at, end, kindNumber, field})
	return end, end > at
}

func (s *Scanner) list(at, depth int) (int, bool) {
	if depth > maxDepth {
		return at, false
	}
	if at = s.blanks(at + 1); s.is(at, ']') {
		return at + 1, true
	}
	for {
		end, ok := s.value(at, depth, unwanted)
		if !ok {
			return end, false
		}
		switch at = s.blanks(end); {
		case s.is(at, ']'):
			return at + 1, true
		case !s.is(at, ','):
			return at, false
		}
		at = s.blanks(at + 1)
	}
}

// quoted reads a string with its quotes.
func (s *Scanner) quoted(at int) (int, bool) {
	if !s.is(at, '"') {
		return at, false
	}
	end := inString(s.text, at+1)
	return end + 1, end > 0
}
