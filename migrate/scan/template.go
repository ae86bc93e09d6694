package scan

import "slices"

const (
	maxNodes  = 512 // of a template
	maxWays   = 8   // from one place on
	maxMisses = 64  // of a template that takes no more, before it is learned anew
)

// A template is what lines look like besides their values: a tree, as lines
// that begin alike may go on differently.
type template struct {
	nodes  []node
	full   bool
	misses int // since it was full
}

// A node is a text and the value behind it.
type node struct {
	words  [2]uint64 // the first bytes of the text
	masks  [2]uint64 // which bits of them count
	more   []uint64  // the bytes behind
	last   uint64    // which bits of the last of them count
	size   int       // of the text
	kind   uint8
	field  int
	next   int      // the node behind the value
	other  int      // a node instead of this one; 0 for none
	absent []absent // at the end of a line
}

// An absent is a field that is not in the line.
type absent struct {
	field int
	span  Span
}

// match reads a line as the template says; 0 if it is another one.
func (t *template) match(text string, at int, spans []Span) int {
	if len(t.nodes) == 0 {
		return 0
	}
	n := &t.nodes[0]
	for {
		from, to := at+n.size, 0
		if n.begins(text, at) {
			to = n.value(text, from)
		}
		switch {
		case to == 0 && n.other == 0:
			return 0
		case to == 0:
			n = &t.nodes[n.other]
			continue
		case n.kind == kindEnd:
			for _, a := range n.absent {
				spans[a.field] = a.span
			}
			return to
		case n.field >= 0:
			spans[n.field] = n.span(from, to)
		}
		at, n = to, &t.nodes[n.next]
	}
}

// begins compares the text of a node. It wants some bytes more than that.
func (n *node) begins(text string, at int) bool {
	if at+16 > len(text) || (load(text, at)^n.words[0])&n.masks[0] != 0 || (load(text, at+8)^n.words[1])&n.masks[1] != 0 {
		return false
	}
	return len(n.more) == 0 || n.goesOn(text, at+16)
}

// goesOn compares the rest of a long text.
func (n *node) goesOn(text string, at int) bool {
	if at+8*len(n.more) > len(text) {
		return false
	}
	last := len(n.more) - 1
	for _, word := range n.more[:last] {
		if load(text, at) != word {
			return false
		}
		at += 8
	}
	return (load(text, at)^n.more[last])&n.last == 0
}

// value returns the place behind a value; 0 if it is not of this kind.
func (n *node) value(text string, from int) int {
	switch {
	case n.kind == kindString:
		return endOfString(text, from)
	case n.kind == kindEnd:
		return from
	case from+8 > len(text):
		return 0
	case n.kind == kindNumber:
		return shortNumber(text, from)
	}
	if to := word(text, from); to > from {
		return to
	}
	return 0
}

// span is that of a value, with its quotes.
func (n *node) span(from, to int) Span {
	if n.kind == kindString {
		from, to = from-1, to+1
	}
	return Span{int32(from), int32(to)} //nolint:gosec // places in a block
}

// learn adds a line, which begins at a place of the text of its values.
func (t *template) learn(line string, start int, marks []mark, spans []Span) {
	if line[len(line)-1] != '\n' {
		return
	}
	if t.full {
		if t.misses++; t.misses < maxMisses {
			return
		}
		*t = template{nodes: t.nodes[:0]}
	}
	path := branch{template: t, at: -1}
	at := 0
	t.full = len(t.nodes)+len(marks)+1 > maxNodes
	for _, m := range marks {
		t.full = t.full || !path.take(line[at:m.from-start], m.kind, m.field)
		at = m.to - start
	}
	if t.full = t.full || !path.take(line[at:], kindEnd, unwanted); t.full {
		return
	}
	end := &t.nodes[path.at]
	end.absent = end.absent[:0]
	for field, span := range spans {
		if span.To == 0 {
			end.absent = append(end.absent, absent{field, span})
		}
	}
}

// A branch is the way of a line through a template.
type branch struct {
	*template

	at int // the node it has come to; -1 at the start
}

// take goes on with a node, a new one if there is none such. It is false if
// too many begin here.
func (b *branch) take(text string, kind uint8, field int) bool {
	n := newNode(text, kind, field)
	last, ways := -1, 0
	for at := b.first(); at >= 0; at = b.other(at) {
		if b.nodes[at].same(&n) {
			b.at = at
			return true
		}
		last = at
		ways++
	}
	if ways == maxWays {
		return false
	}
	b.link(last, len(b.nodes))
	b.at = len(b.nodes)
	b.nodes = append(b.nodes, n)
	return true
}

// first is the first of the nodes to go on with; -1 if there is none.
func (b *branch) first() int {
	switch {
	case b.at >= 0 && b.nodes[b.at].next > 0:
		return b.nodes[b.at].next
	case b.at < 0 && len(b.nodes) > 0:
		return 0
	}
	return -1
}

// other is the node instead of one; -1 if there is none.
func (b *branch) other(at int) int {
	if other := b.nodes[at].other; other > 0 {
		return other
	}
	return -1
}

// link has a new node follow the last of its kind, or the node before.
func (b *branch) link(last, added int) {
	switch {
	case last >= 0:
		b.nodes[last].other = added
	case b.at >= 0:
		b.nodes[b.at].next = added
	}
}

func newNode(text string, kind uint8, field int) node {
	n := node{size: len(text), kind: kind, field: field}
	for i := range n.words {
		n.words[i], n.masks[i] = firstBytes(text)
		text = text[min(len(text), 8):]
	}
	for text != "" {
		var word uint64
		word, n.last = firstBytes(text)
		n.more = append(n.more, word)
		text = text[min(len(text), 8):]
	}
	return n
}

// firstBytes are up to eight bytes of a text, and which bits of them count.
func firstBytes(text string) (word, mask uint64) {
	word = load(text[:min(len(text), 8)]+"\x00\x00\x00\x00\x00\x00\x00\x00", 0)
	return word, 1<<(8*min(len(text), 8)) - 1
}

func (n *node) same(other *node) bool {
	return n.kind == other.kind && n.size == other.size && n.words == other.words && slices.Equal(n.more, other.more)
}
