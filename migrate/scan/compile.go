package scan

import "slices"

// A node is a part as it is looked for, or a short cut past several parts:
// values that are nearly always the same belong to its text then.
type node struct {
	words  [firstBytes / 8]uint64 // the first bytes of the text
	masks  [firstBytes / 8]uint64 // which bits of them count
	more   string                 // the bytes behind
	size   int                    // of the text
	kind   uint8
	noted  bool // there are facts or edges, or a detour
	field  int
	quote  int   // 1 if there are quotes around the value
	length int   // of the value, if nearly all are as long
	detour int   // 1 if there is a short cut, which the line did not take
	next   *node // behind the value
	other  *node // instead of this one; nil for none
	facts  []fact
	edges  []edge
}

// firstBytes of a text are compared at once.
const firstBytes = 48

// kindFixed is a string that is nearly always of the same length.
const kindFixed = kindEnd + 1

// A fact is where a field is if the text of a node is there.
type fact struct {
	field    int
	from, to int
	there    int // all bits, if these count from the place of the text on
}

// A compiler makes nodes of what is known of lines: one for each part, and
// then the short cuts.
type compiler struct {
	*forms

	nodes []node
	ends  []int // the last part of each
}

// compile returns the first node of all lines; nil if none is known. There is
// room for all nodes from the beginning, as others point to them.
func (f *forms) compile() *node {
	c := compiler{f, make([]node, 0, 2*len(f.parts)), nil}
	for i := range f.parts {
		c.add(i, f.parts[i].text, nil, f.parts[i].edges)
	}
	first := make([]*node, len(f.parts))
	for i := range f.parts {
		first[i] = c.order(i)
	}
	for i := range c.nodes {
		c.nodes[i].next = first[c.ends[i]]
	}
	return first[0]
}

// order links the nodes that may follow a part, those that are wanted most
// often first, and returns the first of them.
func (c *compiler) order(from int) (first *node) {
	var ways []int
	for at := c.parts[from].next; at > 0; at = c.parts[at].other {
		ways = append(ways, at)
	}
	slices.SortStableFunc(ways, func(a, b int) int { return c.parts[b].count - c.parts[a].count })
	last := &first
	for _, at := range ways {
		if c.shorten(at) {
			*last = &c.nodes[len(c.nodes)-1]
			last = &(*last).other
		}
	}
	for _, at := range ways {
		*last = &c.nodes[at]
		last = &c.nodes[at].other
	}
	return first
}

// shorten adds a short cut past a part, and more of them if it can.
func (c *compiler) shorten(at int) bool {
	text, end := c.parts[at].text, at
	var facts []fact
	edges := slices.Clone(c.parts[at].edges)
	for next := c.behind(end); next > 0; next = c.behind(end) {
		p := &c.parts[end]
		behind := len(text) + len(p.value.most)
		if behind+len(c.parts[next].text) > maxText {
			break
		}
		facts = p.known(facts, len(text))
		for _, e := range c.parts[next].edges {
			edges = append(edges, edge{e.field, behind + e.place, e.isEnd})
		}
		text, end = text+p.value.most+c.parts[next].text, next
	}
	if end == at {
		return false
	}
	c.nodes[at].detour, c.nodes[at].noted = 1, true
	c.add(end, text, facts, edges)
	return true
}

// behind is the part that nearly always follows one, if its value is nearly
// always the same; 0 if there is none.
func (c *compiler) behind(at int) int {
	p := &c.parts[at]
	if !p.value.isClear(p.count) {
		return 0
	}
	for at = p.next; at > 0 && c.parts[at].count*8 < p.count*7; at = c.parts[at].other {
	}
	return at
}

// known adds where the value of a part is, if it is looked for, behind so many
// bytes of a text.
func (p *part) known(facts []fact, from int) []fact {
	if p.field < 0 {
		return facts
	}
	to := from + len(p.value.most)
	return append(facts, fact{p.field, from - p.quote(), to + p.quote(), -1})
}

func (p *part) quote() int {
	if p.kind == kindString {
		return 1
	}
	return 0
}

// add makes a node that ends with the value of a part.
func (c *compiler) add(at int, text string, facts []fact, edges []edge) {
	p := &c.parts[at]
	for _, a := range p.absent {
		facts = append(facts, fact{field: a.field, from: int(a.span.From)})
	}
	n := node{size: len(text), kind: p.kind, field: p.field, quote: p.quote(), facts: facts, edges: edges}
	n.noted = len(facts)+len(edges) > 0
	if p.kind == kindString && p.length.isClear(p.count) {
		n.kind, n.length = kindFixed, p.length.most
	}
	for i := range n.words {
		n.words[i], n.masks[i] = cutWord(&text)
	}
	n.more = text
	c.nodes, c.ends = append(c.nodes, n), append(c.ends, at)
}

// cutWord takes up to eight bytes of a text. They are returned with the bits
// of them that count.
func cutWord(text *string) (word, mask uint64) {
	size := min(len(*text), 8)
	word = Load((*text)[:size]+"\x00\x00\x00\x00\x00\x00\x00\x00", 0)
	*text = (*text)[size:]
	return word, 1<<(8*size) - 1
}
