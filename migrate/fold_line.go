package migrate

// A lineFold finds out which lines of a [LineDialect] are the first of their
// request. That depends on those before them, so it looks at them in their
// order, and only at numbers.
type lineFold struct {
	fold  *Fold
	count *lineCount

	file   string       // that is being read
	turns  int          // from one file to another, and other reasons to forget marks
	marks  []threadSlot // by the number of a thread
	counts []bool       // by the number of a kind: whether a line of it counted
}

// A threadSlot is the mark of a thread, if it is of this turn.
type threadSlot struct {
	*threadMark

	turn int
}

// applyLines takes in the lines of a block, in their order. Those that count
// are left to the workers.
func (f *Fold) applyLines(b *batch) {
	if f.lines != nil {
		f.lines.begin(b.block.File)
	}
	first := b.lines[:0]
	for i := range b.lines {
		l := &b.lines[i]
		switch {
		case l.kind == wholeRecord && f.applyRecord(b.block.File, &b.records[l.thread]):
			b.Parsed++
		case l.kind != wholeRecord && f.lines.first(b.block.File, l):
			b.Parsed++
			first = append(first, *l)
		default:
			b.Ignored++
		}
	}
	if f.lines != nil {
		f.lines.count.handOn(first)
		b.lines = nil
	}
}

// begin goes on to a block of a file.
func (t *lineFold) begin(file string) {
	if t.file != file {
		t.file = file
		t.turns++
	}
}

// first reports whether a line is the first of its request.
func (t *lineFold) first(file string, l *countedLine) bool {
	if l.paired() && !t.isFirst(file, l) {
		return false
	}
	if number := l.kind.number(); number >= len(t.counts) || !t.counts[number] {
		t.counted(number)
	}
	return true
}

// counted notes that lines of a kind count.
func (t *lineFold) counted(number int) {
	for len(t.counts) <= number {
		t.counts = append(t.counts, false)
	}
	kind := t.count.kind(number)
	t.counts[number] = true
	t.fold.Copied = t.fold.Copied || kind.copied != ""
	t.fold.seen(kind.key.Environment)
}

// isFirst is [pairing.first] for a line.
func (t *lineFold) isFirst(file string, l *countedLine) bool {
	p := &t.fold.Pairing
	if p.reach(t.fold.callers, file, l.ms) {
		t.turns++
	}
	if int(l.thread) >= len(t.marks) {
		t.marks = append(t.marks, make([]threadSlot, int(l.thread)+1-len(t.marks))...)
	}
	m := &t.marks[l.thread]
	if m.turn != t.turns || m.swept {
		*m = threadSlot{p.mark(t.fold.callers, t.count.thread(l.thread)), t.turns}
	}
	found := p.follow(m.threadMark, l.who, l.ms, l.second())
	if found == placeOpen {
		p.Heads = append(p.Heads, t.count.record(l))
	}
	return found == placeFirst
}

// forget forgets all numbers.
func (t *lineFold) forget() {
	t.turns++
	clear(t.marks)
	t.marks, t.counts = t.marks[:0], t.counts[:0]
}
