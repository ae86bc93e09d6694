package migrate

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"

	"lockstep/migrate/scan"
	"lockstep/schemas"
)

// A grouping counts lines by the raw values that a mapping needs, and has the
// mapping say once for all of them what they mean. It is shared by workers.
type grouping struct {
	maker       tupleMaker
	paths       [][]string // the fields, and the time if it is not one of them
	when        int        // the time among them
	environment string
	seed        uint64
	memory      int64        // that all may take together
	used        atomic.Int64 // by the workers, and by the fold when it was drained into last
	full        atomic.Bool  // it is more, or the fold wants to have all
	workers     []*grouper
}

// newGrouping is nil if lines of a dialect have to be read one by one.
func newGrouping(opts *Options) *grouping {
	m, ok := opts.Dialect.(*mapping)
	if !ok || opts.simple || m.def.Format != schemas.FormatJSON {
		return nil
	}
	fields, when, ok := m.needs()
	if !ok {
		return nil
	}
	for _, field := range fields {
		if len(field) > maxParents {
			return nil
		}
	}
	g := &grouping{
		maker: tupleMaker{m, fields}, environment: opts.Environment, seed: rand.Uint64(), //nolint:gosec // no secret
		memory: opts.Memory,
	}
	if g.find(fields, when); len(outermost(g.all())) != len(g.paths) {
		return nil // the time is part of another field
	}
	if _, ok := scan.New(g.paths); !ok {
		return nil
	}
	return g
}

// isFull reports whether the groups have to be drained.
func (g *grouping) isFull() bool { return g != nil && g.full.Load() }

// worker is the part of a new worker; nil if there is no grouping.
func (g *grouping) worker() *grouper {
	if g == nil {
		return nil
	}
	w := newGrouper(g)
	g.workers = append(g.workers, w)
	return w
}

// find notes what is looked for.
func (g *grouping) find(fields []fieldPath, when fieldPath) {
	g.when = -1
	for i, field := range fields {
		g.paths = append(g.paths, field)
		if field.String() == when.String() && len(field) == len(when) {
			g.when = i
		}
	}
	if g.when < 0 {
		g.when = len(g.paths)
		g.paths = append(g.paths, when)
	}
}

func (g *grouping) all() (paths []fieldPath) {
	for _, path := range g.paths {
		paths = append(paths, path)
	}
	return paths
}

// batchLines is how many lines are looked up at a time: while the memory of one
// is waited for, that of the others comes along.
const batchLines = 64

// A grouper is the part of a worker in a grouping.
type grouper struct {
	*grouping

	judge   *judge
	file    uint64   // the number of the node of the file that is read; 0 where lines say it
	nodes   []string // by that number
	scanner *scan.Scanner
	clock   groupClock
	spans   []scan.Span
	tuples  *groupTable
	days    groupDays

	counted int64 // bytes

	waiting [batchLines]waitingLine
	count   int
	waits   []byte // the tuples of these
	touched uint64
}

// A waitingLine is a line that was scanned and has to be counted.
type waitingLine struct {
	hash       uint64
	from, to   int // its tuple
	day, ms    uint32
	start, end int // in the block
	number     int
}

func newGrouper(g *grouping) *grouper {
	scanner, _ := scan.New(g.paths)
	return &grouper{
		grouping: g, judge: newJudge(g.maker, g.environment, g.seed), scanner: scanner, clock: newGroupClock(g.maker.clock),
		spans: make([]scan.Span, len(g.paths)), tuples: newGroupTable(g.seed), days: newGroupDays(),
		waits: make([]byte, 0, batchLines*(maxTuple+256)),
	}
}

// parse reads the lines of a block, and counts them. What is left to the
// dialect ends up in the batch.
func (g *grouper) parse(b *batch, opts *Options) {
	g.read(opts)
	text, number := b.block.Text, b.block.Number
	for at := 0; at < len(text); number++ {
		next, ok := g.scanner.Line(text, at, g.spans)
		if !ok || next-at-1 > MaxLine || !g.wait(text, at, next, number) {
			b.parseLine(strings.TrimSuffix(text[at:next], "\n"), number, opts)
		} else if g.count == batchLines {
			g.flush(b, opts)
		}
		at = next
	}
	g.flush(b, opts)
	more := g.bytes() - g.counted
	g.counted += more
	if g.used.Add(more) > g.memory {
		g.full.Store(true)
	}
}

// read has the mapping of a file say what lines mean.
func (g *grouper) read(opts *Options) {
	g.judge.mapping, _ = opts.Dialect.(*mapping)
	if g.judge.ofFile == "" {
		return
	}
	if !slices.Contains(g.nodes, g.judge.ofFile) {
		g.nodes = append(g.nodes, g.judge.ofFile)
	}
	g.file = uint64(slices.Index(g.nodes, g.judge.ofFile) + 1) //nolint:gosec // an index
}

// wait notes a line that was scanned; false if its time is not understood.
func (g *grouper) wait(text string, start, end, number int) bool {
	when := g.spans[g.when]
	if when.To == 0 {
		return false
	}
	ms, ok := g.clock.read(text[when.From:when.To])
	if !ok {
		return false
	}
	from := len(g.waits)
	g.waits, ok = appendTuple(g.waits, text, g.spans[:len(g.maker.fields)], g.file)
	day := ms / dayMS
	w := &g.waiting[g.count]
	w.hash, w.from, w.to = hashTuple(g.seed, g.waits[from:]), from, len(g.waits)
	w.day, w.ms = uint32(day), uint32(ms-day*dayMS) //nolint:gosec // no later than in the year 9999
	w.start, w.end, w.number = start, end, number
	if ok {
		g.count++
	}
	return ok
}

// flush counts the lines that wait. First it asks for all memory that it will
// need, so that it waits for that once and not for each line.
func (g *grouper) flush(b *batch, opts *Options) {
	waiting := g.waiting[:g.count]
	mask := uint64(len(g.tuples.slots) - 1)
	var places [batchLines]uint32
	for i := range waiting {
		places[i&(batchLines-1)] = uint32(g.tuples.slots[waiting[i].hash&mask]) //nolint:gosec // its lower half
	}
	touched := uint64(0)
	for _, place := range places[:len(waiting)] {
		if place != 0 {
			entry := g.tuples.entry(place - 1)
			touched += entry[0]
		}
	}
	g.touched += touched
	for i := range waiting {
		g.countLine(b, &waiting[i], opts)
	}
	g.count, g.waits = 0, g.waits[:0]
}

func (g *grouper) countLine(b *batch, w *waitingLine, opts *Options) {
	tuple := g.waits[w.from:w.to]
	slot, entry := g.tuples.find(w.hash, tuple)
	if entry == nil {
		entry = g.add(slot, w.hash, tuple)
	}
	switch g.countEntry((*[entryTuple]uint64)(entry), w) {
	case counted:
		b.Lines++
		b.Parsed++
	case ignored:
		b.Lines++
		b.Ignored++
	case lineByLine:
		b.parseLine(strings.TrimSuffix(b.block.Text[w.start:w.end], "\n"), w.number, opts)
	}
}

// add judges a new tuple.
func (g *grouper) add(slot int, hash uint64, tuple []byte) []uint64 {
	m := g.judge.judge(tuple, g.file)
	entry := g.tuples.add(slot, hash, tuple)
	entry[entryCount] = uint64(m.verdict) << verdictShift
	entry[entryNumbers] = uint64(m.subject) | uint64(m.client)<<32
	entry[entryKey] = uint64(m.key)
	return entry
}

// countEntry counts a line of a tuple, if its lines are counted at all.
func (g *grouper) countEntry(e *[entryTuple]uint64, w *waitingLine) verdict {
	count := e[entryCount]
	if v := verdict(count >> verdictShift); v != counted {
		return v
	}
	if uint32(e[entryKey]>>32) != w.day || uint32(count) == 1<<32-1 {
		g.otherDay(e, w)
		return counted
	}
	e[entryCount] = (count | hourOf(w.ms)) + 1
	first, last := min(e[entryMS]&msMask, uint64(w.ms)), max(e[entryMS]>>lastShift&msMask, uint64(w.ms))
	e[entryMS] = e[entryMS]>>sizeShift<<sizeShift | last<<lastShift | first
	return counted
}

const hoursShift, verdictShift = 32, 56

// hourOf is the bit of the hour of a moment in a day, in the count of an entry.
func hourOf(ms uint32) uint64 { return 1 << (hoursShift + ms/uint32(hourMS)) }
