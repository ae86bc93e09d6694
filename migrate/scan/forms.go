package scan

import (
	"math/bits"
	"strings"
)

const (
	maxParts = 512  // of the lines that are known
	maxWays  = 8    // from one place on
	maxText  = 1024 // bytes between two values
)

// Forms are what lines look like besides their values: a tree, as lines that
// begin alike may go on differently. Its first part is before all lines.
type forms struct {
	parts []part
	full  bool
}

// A part is a text and the value behind it.
type part struct {
	text   string
	kind   uint8
	field  int
	next   int      // the first of the parts behind the value; 0 for none
	other  int      // a part instead of this one; 0 for none
	edges  []edge   // of lists and objects that are looked for
	absent []absent // at the end of a line

	count  int // of lines of the sample
	value  vote[string]
	length vote[int]
}

// An edge is where the text of a list or an object begins, or where it ends.
type edge struct {
	field int
	place int // in the text of a part
	isEnd bool
}

// An absent is a field that is not in the line.
type absent struct {
	field int
	span  Span
}

// A vote finds what most of some values are.
type vote[V comparable] struct {
	most V
	lead int // by so many they are more than the others
}

func (v *vote[V]) add(value V) {
	switch {
	case value == v.most:
		v.lead++
	case v.lead > 0:
		v.lead--
	default:
		*v = vote[V]{value, 1}
	}
}

// isClear reports whether nearly all of some values are the same.
func (v *vote[V]) isClear(count int) bool { return count >= fewLines && v.lead*4 >= count*3 }

// fewLines is how many lines say nothing about others.
const fewLines = 8

// add learns a line.
func (f *forms) add(r *reading) {
	if f.full || r.text[len(r.text)-1] != '\n' {
		return
	}
	at, end := 0, r.start
	for _, m := range r.marks {
		if at = f.take(at, r, end, m); at == 0 {
			return
		}
		end = m.to
		f.parts[at].met(r.text[m.from:end])
	}
	if at = f.take(at, r, end, mark{from: len(r.text), kind: kindEnd, field: unwanted}); at == 0 {
		return
	}
	f.parts[at].count++
	f.parts[at].absent = r.absent()
}

// take goes on from a part with another one, a new one if there is none such:
// a text that begins somewhere, and the value behind. It is 0 if there is no
// room for that.
func (f *forms) take(from int, r *reading, start int, value mark) int {
	text := r.text[start:value.from]
	ways, last := 0, &f.parts[from].next
	for ; *last > 0; last = &f.parts[*last].other {
		if p := &f.parts[*last]; p.kind == value.kind && p.text == text {
			return *last
		}
		ways++
	}
	if f.full = len(f.parts) > maxParts || ways == maxWays || len(text) > maxText; f.full {
		return 0
	}
	*last = len(f.parts)
	f.parts = append(f.parts, part{
		text: strings.Clone(text), kind: value.kind, field: value.field, edges: r.edges(start, value.from),
	})
	return len(f.parts) - 1
}

// edges are those in a part of a line.
func (r *reading) edges(start, end int) (edges []edge) {
	for lists := r.lists; lists > 0; lists &= lists - 1 {
		field := bits.TrailingZeros64(lists)
		from, to := int(r.spans[field].From), int(r.spans[field].To)
		if start <= from && from < end {
			edges = append(edges, edge{field, from - start, false})
		}
		if start < to && to <= end {
			edges = append(edges, edge{field, to - start, true})
		}
	}
	return edges
}

// absent are the fields that are not in a line.
func (r *reading) absent() (fields []absent) {
	for field, span := range r.spans {
		if span.To == 0 {
			fields = append(fields, absent{field, span})
		}
	}
	return fields
}

// met notes a value.
func (p *part) met(value string) {
	p.count++
	p.length.add(len(value))
	if value = value[:min(len(value), maxText+1)]; p.value.lead == 0 { // none as long as that is ever used
		value = strings.Clone(value)
	}
	p.value.add(value)
}

// forget has a new sample begin. What is known is kept if there is room for more.
func (f *forms) forget() {
	if f.full || len(f.parts) == 0 {
		*f = forms{parts: append(f.parts[:0], part{})}
	}
	for i := range f.parts {
		p := &f.parts[i]
		*p = part{text: p.text, kind: p.kind, field: p.field, next: p.next, other: p.other, edges: p.edges, absent: p.absent}
	}
}
