package migrate

import (
	"time"

	"lockstep/schemas"
)

// A lineFold knows what the lines of a [LineDialect] mean by their texts and
// numbers, so that only the first of its kind has to be looked at.
type lineFold struct {
	*callers

	fold   *Fold
	places placeTable

	// As they are written in lines.
	subjects texts[uint32]
	clients  texts[uint64]

	// Of the file that is being read.
	file    string
	kinds   [256]lineKind
	threads texts[*threadMark]
}

// A lineKind is what the lines of one kind have in common.
type lineKind struct {
	known   bool
	counted bool
	foreign bool // of another environment
	paired  bool
	second  bool
	copied  bool
	key     schemas.TallyKey // without subject and client
	day     int64            // since 1970
	rest    uint32           // the number of the key
	clears  int              // of the table, for which that is; -1 for none
}

// maxNames is how many names are remembered of each sort. Whoever calls may
// name himself, and as many others as he likes.
const maxNames = 1 << 18

// linesAtOnce is how many lines are looked up before any is counted: the
// memory has to be waited for once and not for each.
const linesAtOnce = 64

// A countedLine is what a line adds to.
type countedLine struct {
	who  callerNumber
	rest uint32
	ms   int64
}

// applyLines takes in the lines of a block, in their order.
func (f *Fold) applyLines(b *batch) {
	if f.lines == nil {
		f.lines = newLineFold(f)
	}
	f.lines.begin(b.block.File)
	var counted [linesAtOnce]countedLine
	n := 0
	for i := range b.lines {
		first := false
		if l := &b.lines[i]; l.record > 0 {
			first = f.applyRecord(b.block.File, &b.records[l.record-1])
		} else if first = f.lines.first(b, l, &counted[n]); first {
			n++
		}
		if !first {
			b.Ignored++
			continue
		}
		b.Parsed++
		if n == linesAtOnce {
			f.lines.count(counted[:])
			n = 0
		}
	}
	f.lines.count(counted[:n])
}

func newLineFold(f *Fold) *lineFold {
	return &lineFold{
		callers: f.callers, fold: f, places: newPlaceTable(f.table),
		subjects: newTexts[uint32](), clients: newTexts[uint64](), threads: newTexts[*threadMark](),
	}
}

// begin goes on to a block of a file.
func (t *lineFold) begin(file string) {
	if t.file != file {
		t.file, t.kinds = file, [256]lineKind{}
		t.threads.clear()
	}
}

// first reports whether a line is the first of its request, and what it adds to.
func (t *lineFold) first(b *batch, l *Line, into *countedLine) bool {
	kind := &t.kinds[l.Kind]
	if !kind.known {
		*kind = t.kind(b, l)
	}
	if kind.foreign {
		return false
	}
	who := numberOf(t.subjectOf(b, l), t.clientOf(b, l))
	if kind.paired && !t.isFirst(b, l, kind.second, who) {
		return false
	}
	if day := l.TimeMS / dayMS; kind.day != day || kind.clears != t.fold.table.clears {
		t.turn(kind, day)
	}
	*into = countedLine{who, kind.rest, l.TimeMS}
	return true
}

// turn goes on to another day, or to a table that was cleared.
func (t *lineFold) turn(kind *lineKind, day int64) {
	if !kind.counted {
		kind.counted = true
		t.fold.Copied = t.fold.Copied || kind.copied
		t.fold.seen(kind.key.Environment)
	}
	kind.day, kind.key.Day = day, time.UnixMilli(day*dayMS).UTC().Format(time.DateOnly)
	kind.rest, kind.clears = t.fold.table.rest(kind.key), t.fold.table.clears
}

func (t *lineFold) kind(b *batch, l *Line) lineKind {
	r := b.meaning(l)
	key, _ := r.Event.Tally()
	key.Subject, key.Client = "", ""
	kind := lineKind{
		known: true, foreign: t.fold.environment != "" && key.Environment != t.fold.environment,
		paired: r.Thread != "", second: r.Second, copied: r.Copy != "", key: cloneKey(key), clears: -1,
	}
	if kind.copied {
		kind.key.Node += copyMark + r.Copy
	}
	return kind
}

// meaning is the record of a line.
func (b *batch) meaning(l *Line) Record {
	return b.dialect.(LineDialect).Meaning(b.whose, b.block.Text, l) //nolint:forcetypeassert // no other yields lines
}

func (t *lineFold) subjectOf(b *batch, l *Line) uint32 {
	name := l.Subject.Of(b.block.Text)
	if n := t.subjects.find(l.SubjectHash, name); n != nil {
		return *n
	}
	t.subjects.bound()
	return *t.subjects.add(l.SubjectHash, name, t.subject(b.meaning(l).Event.Subject))
}

func (t *lineFold) clientOf(b *batch, l *Line) uint64 {
	if l.IsAddress {
		return uint64(l.Address)
	}
	name := l.Client.Of(b.block.Text)
	hash := t.clients.hash(name)
	if n := t.clients.find(hash, name); n != nil {
		return *n
	}
	t.clients.bound()
	return *t.clients.add(hash, name, t.client(b.meaning(l).Event.Client))
}

// isFirst is [pairing.first] for a line.
func (t *lineFold) isFirst(b *batch, l *Line, second bool, who callerNumber) bool {
	p := &t.fold.Pairing
	if p.reach(t.callers, b.block.File, l.TimeMS) {
		t.threads.clear()
	}
	name := l.Thread.Of(b.block.Text)
	known := t.threads.find(l.ThreadHash, name)
	if known == nil {
		t.threads.bound()
		known = t.threads.add(l.ThreadHash, name, p.mark(t.callers, b.meaning(l).Thread))
	}
	if (*known).swept {
		*known = p.mark(t.callers, b.meaning(l).Thread)
	}
	found := p.follow(*known, who, l.TimeMS, second)
	if found == placeOpen {
		r := b.meaning(l)
		p.Heads = append(p.Heads, r.clone())
	}
	return found == placeFirst
}

// count adds lines to their tallies.
func (t *lineFold) count(lines []countedLine) {
	var places [linesAtOnce]uint32
	for i := range lines {
		places[i] = t.places.slot(lines[i].who, lines[i].rest)
	}
	for i := range lines {
		places[i] = t.places.place(t.callers, places[i], lines[i].who, lines[i].rest)
	}
	for i := range lines {
		t.fold.table.entry(places[i]).add(lines[i].ms)
	}
}
