package migrate

import (
	"math/bits"
	"math/rand/v2"
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
	memory      int64       // that the table of a worker may take
	full        atomic.Bool // one takes more
	workers     []*grouper
}

// newGrouping is nil if lines of a dialect have to be read one by one.
func newGrouping(opts *Options, workers int) *grouping {
	m, ok := opts.Dialect.(*mapping)
	if !ok || opts.simple || m.def.Format != schemas.FormatJSON {
		return nil
	}
	fields, when, ok := m.needs()
	if !ok {
		return nil
	}
	g := &grouping{
		maker: tupleMaker{m, fields}, environment: opts.Environment, seed: rand.Uint64(), //nolint:gosec // no secret
		memory: opts.Memory / int64(2*workers),
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

	maker   tupleMaker // of the file that is read
	file    []uint64   // what the tuples of the file have at their end, if it tells whose lines are
	names   numbered[string]
	scanner *scan.Scanner
	clock   groupClock
	table   *groupTable
	shapes  []shape
	spans   []scan.Span

	waiting [batchLines]waitingLine
	count   int
	tuples  []uint64 // of the lines that wait
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

// A shape is what lines of a tuple mean.
type shape struct {
	verdict verdict
	key     schemas.TallyKey // without its day
}

type verdict uint8

// What can be said of a tuple.
const (
	counted verdict = iota
	ignored
	lineByLine // it is not understood, and each line has to say so
)

func newGrouper(g *grouping) *grouper {
	scanner, _ := scan.New(g.paths)
	return &grouper{
		grouping: g, maker: g.maker, scanner: scanner, clock: newGroupClock(g.maker.clock), table: newGroupTable(),
		names: newNumbered(strings.Clone, strings.Compare), spans: make([]scan.Span, len(g.paths)),
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
	if g.table.bytes() > g.memory {
		g.full.Store(true)
	}
}

// read has the mapping of a file say what lines mean.
func (g *grouper) read(opts *Options) {
	g.maker.mapping, _ = opts.Dialect.(*mapping)
	g.file = g.file[:0]
	if g.maker.ofFile != "" {
		g.file = append(g.file, uint64(g.names.number(g.maker.ofFile, new(int64), 0)))
	}
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
	from := len(g.tuples)
	g.tuples = append(appendTuple(g.tuples, text, g.spans[:len(g.maker.fields)]), g.file...)
	day := ms / dayMS
	w := &g.waiting[g.count]
	w.hash, w.from, w.to = g.hash(g.tuples[from:]), from, len(g.tuples)
	w.day, w.ms = uint32(day), uint32(ms-day*dayMS) //nolint:gosec // no later than in the year 9999
	w.start, w.end, w.number = start, end, number
	g.count++
	return true
}

func (g *grouper) hash(tuple []uint64) uint64 {
	hash := g.seed
	for _, word := range tuple {
		high, low := bits.Mul64(hash^word, 0x9e3779b97f4a7c15)
		hash = high ^ low
	}
	return hash
}

// flush counts the lines that wait. First it asks for all memory that it will
// need, so that it waits for that once and not for each line.
func (g *grouper) flush(b *batch, opts *Options) {
	waiting := g.waiting[:g.count]
	mask := uint64(len(g.table.slots) - 1)
	var places [batchLines]uint32
	for i := range waiting {
		places[i&(batchLines-1)] = uint32(g.table.slots[waiting[i].hash&mask])
	}
	for _, place := range places[:len(waiting)] {
		if place != 0 {
			entry := g.table.entry(place - 1)
			g.touched += entry[0] + entry[min(8, len(entry)-1)]
		}
	}
	for i := range waiting {
		g.countLine(b, &waiting[i], opts)
	}
	g.count, g.tuples = 0, g.tuples[:0]
}

func (g *grouper) countLine(b *batch, w *waitingLine, opts *Options) {
	tuple := g.tuples[w.from:w.to]
	slot, entry := g.table.find(w.hash, tuple)
	if entry == nil {
		entry = g.table.add(slot, w.hash, tuple, g.shape(tuple, w))
	}
	verdict := lineByLine
	if entry != nil {
		verdict = g.shapes[uint32(entry[entryMark])].verdict
	}
	switch verdict {
	case counted:
		g.table.count(entry, w.day, w.ms)
		b.Lines++
		b.Parsed++
	case ignored:
		b.Lines++
		b.Ignored++
	case lineByLine:
		b.parseLine(strings.TrimSuffix(b.block.Text[w.start:w.end], "\n"), w.number, opts)
	}
}

// shape has the mapping say what a tuple means.
func (g *grouper) shape(tuple []uint64, w *waitingLine) uint32 {
	s := shape{verdict: counted}
	e, ok, err := g.maker.tupleEvent(g.maker.valuesOf(tuple[:len(tuple)-len(g.file)]), utc(int64(w.day)*dayMS+int64(w.ms)))
	switch {
	case err != nil:
		s.verdict = lineByLine
	case !ok || g.environment != "" && e.Environment != g.environment:
		s.verdict = ignored
	default:
		s.key, _ = e.Tally()
		s.key.Day = ""
	}
	g.shapes = append(g.shapes, s)
	return uint32(len(g.shapes) - 1) //nolint:gosec // memory ends before 32 bits do
}
