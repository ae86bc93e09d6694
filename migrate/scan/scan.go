// Package scan finds a few fields in lines of JSON, without making values of
// anything else in them. It checks all of a line: what it finds, encoding/json
// would find, and a line in which it could not be sure of that it calls odd.
//
// It reads most lines with a template that it has learned from others: the
// text between two values is compared, eight bytes at a time, and only values
// are looked at. Those that are nearly always the same are part of the text.
package scan

import "strings"

// maxNames bounds how many names are looked for, objects around fields included.
const maxNames = 64

// maxDepth bounds how deep objects and lists lie in each other.
const maxDepth = 200

// A Span is where the text of a value is found, with its quotes if it is a
// string. To is 0 if the field is not there: From is then how many of the
// objects around it are.
type Span struct{ From, To int32 }

// A Scanner finds the same fields in many lines. It is for one goroutine.
type Scanner struct {
	root     *object
	template template

	reading
}

// A reading is what is found in a line without a template.
type reading struct {
	text  string // up to the end of the line
	start int
	spans []Span
	seen  uint64 // names that were met, a bit for each
	marks []mark // its scalar values in order
	lists uint64 // fields that are lists or objects, a bit for each
}

// An object is one in which something is looked for.
type object struct {
	depth   int32
	entries []entry
	below   []int // all fields in it
}

// An entry is a field, or an object with fields.
type entry struct {
	name  string
	bit   uint64
	field int
	inner *object // nil for a field
}

// New returns a scanner for fields, each with the names of the objects around
// it first. No field may lie in another one. It is false if they are too many.
func New(fields [][]string) (*Scanner, bool) {
	s := &Scanner{root: &object{}, template: newTemplate()}
	names := 0
	for i, path := range fields {
		at := s.root
		for depth, name := range path {
			at.below = append(at.below, i)
			e := at.find(name)
			if e == nil {
				at.entries = append(at.entries, entry{name: name, bit: 1 << (names % maxNames), field: i})
				names++
				e = &at.entries[len(at.entries)-1]
			}
			if depth == len(path)-1 {
				break
			}
			if e.inner == nil {
				e.inner = &object{depth: int32(depth) + 1} //nolint:gosec // few
			}
			at = e.inner
		}
	}
	return s, names <= maxNames
}

func (o *object) find(name string) *entry {
	for i := range o.entries {
		if o.entries[i].name == name {
			return &o.entries[i]
		}
	}
	return nil
}

// Line reads the line that begins at a place of a text, and fills in where
// fields are. It returns the place behind the line break; ok is false if the
// line is odd, and spans are then of no use.
func (s *Scanner) Line(text string, at int, spans []Span) (next int, ok bool) {
	if next = s.template.match(text, at, spans); next > 0 {
		return next, true
	}
	next = len(text)
	if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
		next = at + n + 1
	}
	s.reading = reading{text: text[:next], start: at, spans: spans, marks: s.marks[:0]}
	clear(spans)
	end, ok := s.object(s.root, s.blanks(at), 0)
	if ok = ok && s.blanks(end) == next; ok {
		s.template.learn(&s.reading)
	}
	s.text = ""
	return next, ok
}
