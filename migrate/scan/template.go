package scan

const (
	sampleLines = 64   // which are read to see what most lines are like
	maxMisses   = 1024 // of a template, before it is made anew
	maxDetours  = 4096 // instead of short cuts, before that
)

// A template reads lines that are like those before.
type template struct {
	forms forms
	first *node // of all lines; nil while a sample is taken

	sample   int // so many lines are still wanted for it
	misses   int // lines since then that were read without
	patience int // how many of them there may be
	detours  int
}

func newTemplate() template {
	t := template{patience: sampleLines}
	t.renew()
	return t
}

// renew has a sample begin.
func (t *template) renew() {
	t.forms.forget()
	t.first, t.sample, t.misses, t.detours = nil, sampleLines, 0, 0
}

// learn adds a line that was not matched. Time and again the last line of a
// block is one, however well others are.
func (t *template) learn(r *reading) {
	t.forms.add(r)
	if t.sample > 0 {
		if t.sample--; t.sample == 0 {
			t.first = t.forms.compile()
		}
		return
	}
	if t.misses++; t.misses >= t.patience {
		t.patience = min(2*t.patience, maxMisses)
		t.renew()
	} else if t.detours >= maxDetours {
		t.renew()
	}
}

// room is how many bytes there have to be behind the text of a node.
const room = 64

// match reads a line as the template says; 0 if it is another one.
func (t *template) match(text string, at int, spans []Span) int {
	for n := t.first; n != nil; {
		from, to := at+n.size, 0
		if from+room > len(text) {
			return 0
		}
		w := text[at : at+room]
		differ := (Load(w, 0)^n.words[0])&n.masks[0] | (Load(w, 8)^n.words[1])&n.masks[1]
		if n.size > 16 {
			differ |= (Load(w, 16)^n.words[2])&n.masks[2] | (Load(w, 24)^n.words[3])&n.masks[3] |
				(Load(w, 32)^n.words[4])&n.masks[4] | (Load(w, 40)^n.words[5])&n.masks[5]
		}
		if differ != 0 || n.more != "" && text[at+firstBytes:from] != n.more {
			n = n.other
			continue
		}
		switch n.kind {
		case kindString:
			to = endOfString(text, from)
		case kindFixed:
			to = endOfFixed(text, from, n.length)
		case kindNumber:
			to = endOfNumber(text, from)
		case kindEnd:
			to = from
		}
		if to == 0 {
			if to = n.value(text, from); to == 0 {
				n = n.other
				continue
			}
		}
		if n.noted {
			t.detours += n.detour
			n.note(at, spans)
		}
		switch {
		case n.kind == kindEnd:
			return to
		case n.field >= 0:
			spans[n.field] = Span{int32(from - n.quote), int32(to + n.quote)} //nolint:gosec // places in a block
		}
		at, n = to, n.next
	}
	return 0
}

// note fills in what is known of fields.
func (n *node) note(at int, spans []Span) {
	for _, f := range n.facts {
		start := at & f.there
		spans[f.field] = Span{int32(f.from + start), int32(f.to + start)} //nolint:gosec // places in a block
	}
	for _, e := range n.edges {
		if place := int32(at + e.place); e.isEnd { //nolint:gosec // as above
			spans[e.field].To = place
		} else {
			spans[e.field].From = place
		}
	}
}

// value returns the place behind any value of the kind of a node; 0 if it is none.
func (n *node) value(text string, from int) int {
	to := from
	switch n.kind {
	case kindString, kindFixed:
		return inString(text, from)
	case kindNumber:
		to = number(text, from)
	case kindWord:
		to = word(text, from)
	}
	if to == from {
		return 0
	}
	return to
}
