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
	words  []uint64 // of the text, eight bytes each
	last   uint64   // which bits of the last word count
	size   int      // of the text
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
		if to == 0 {
			if n.other == 0 {
				return 0
			}
			n = &t.nodes[n.other]
			continue
		}
		if n.kind == kindEnd {
			for _, a := range n.absent {
				spans[a.field] = a.span
			}
			return to
		}
		if n.field >= 0 {
			spans[n.field] = n.span(from, to)
		}
		at, n = to, &t.nodes[n.next]
	}
}

// begins compares the text of a node.
func (n *node) begins(text string, at int) bool {
	if at+len(n.words)*8 > len(text) {
		return false
	}
	last := len(n.words) - 1
	for _, word := range n.words[:last] {
		if load(text, at) != word {
			return false
		}
		at += 8
	}
	return (load(text, at)^n.words[last])&n.last == 0
}

// value returns the place behind a value; 0 if it is not of this kind.
func (n *node) value(text string, from int) int {
	to := from
	switch n.kind {
	case kindString:
		return inString(text, from)
	case kindNumber:
		to = number(text, from)
	case kindWord:
		to = word(text, from)
	case kindEnd:
		return from
	}
	if to == from {
		return 0
	}
	return to
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
	padded := text + "\x00\x00\x00\x00\x00\x00\x00"
	for at := 0; at < len(text); at += 8 {
		n.words = append(n.words, load(padded, at))
		n.last = 1<<(8*min(len(text)-at, 8)) - 1
	}
	return n
}

func (n *node) same(other *node) bool {
	return n.kind == other.kind && n.size == other.size && slices.Equal(n.words, other.words)
}
