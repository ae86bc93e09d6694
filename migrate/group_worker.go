package migrate

import (
	"strings"

	"lockstep/migrate/scan"
)

const (
	waitLines = 2048      // how many lines wait to be counted
	waitRoom  = 128 << 10 // how many bytes their tuples have, which stay in the cache of a processor
	flushed   = 64        // how many are counted at a time: while the memory of one is waited for, that of the others comes along
)

// A grouper is what one worker has of a grouping.
type grouper struct {
	*grouping

	mapping *mapping // of the file that is read
	file    uint64   // its number
	scanner *scan.Scanner
	clock   groupClock
	spans   []scan.Span

	asked  [flushed]askedTuple
	fresh  []freshTuple
	waits  []waitingLine
	lists  [][]uint16   // places in waits, by part
	shares []groupShare // of parts of which some wait
	room   []byte       // for tuples
	used   int          // of it
}

// A waitingLine is a line that was scanned and has to be counted.
type waitingLine struct {
	hash     uint64
	from, to uint32 // its tuple
	day, ms  uint32
	start    uint32 // in the block
	number   uint32 // after the first of the block
}

func newGrouper(g *grouping) *grouper {
	scanner, _ := scan.New(g.paths)
	return &grouper{
		grouping: g, scanner: scanner, clock: newGroupClock(g.maker.clock), spans: make([]scan.Span, len(g.paths)),
		waits: make([]waitingLine, 0, waitLines), lists: make([][]uint16, len(g.parts)), room: make([]byte, waitRoom),
	}
}

// parse reads the lines of a block, and counts them. What is left to the
// dialect ends up in the batch.
func (g *grouper) parse(b *batch, opts *Options) {
	g.mapping, _ = opts.Dialect.(*mapping)
	g.file = g.fileNumber(g.mapping.ofFile)
	text := b.block.Text
	for at, number := 0, 0; at < len(text); number++ {
		next, ok := g.scanner.Line(text, at, g.spans)
		if !ok || next-at-1 > MaxLine || !g.wait(text, at, number) {
			b.parseLine(strings.TrimSuffix(text[at:next], "\n"), b.block.Number+number, opts)
		} else if len(g.waits) == waitLines || g.used > waitRoom-tupleRoom {
			g.flush(b, opts)
		}
		at = next
	}
	g.flush(b, opts)
}

// wait notes a line that was scanned; false if its time is not understood.
func (g *grouper) wait(text string, start, number int) bool {
	when := g.spans[g.when]
	if when.To == 0 {
		return false
	}
	ms, ok := g.clock.read(text[when.From:when.To])
	if !ok {
		return false
	}
	size := packTuple(g.room[g.used:g.used+tupleRoom], text, g.spans[:len(g.maker.fields)], g.file)
	if size == 0 {
		return false
	}
	day := ms / dayMS
	g.waits = g.waits[:len(g.waits)+1]
	w := &g.waits[len(g.waits)-1]                      // filled in place: a copy would have to wait for what was written last
	w.from, w.to = uint32(g.used), uint32(g.used+size) //nolint:gosec // places in the room
	w.day, w.ms = uint32(day), uint32(ms-day*dayMS)    //nolint:gosec // no later than in the year 9999
	w.start, w.number = uint32(start), uint32(number)  //nolint:gosec // places in a block
	g.used += size
	return true
}

// flush counts the lines that wait, part by part.
func (g *grouper) flush(b *batch, opts *Options) {
	g.shares = g.shares[:0]
	for i := range g.waits {
		w := &g.waits[i]
		w.hash = hashTuple(g.seed, g.room[w.from:w.to])
		part := partOf(w.hash, len(g.parts))
		g.lists[part] = append(g.lists[part], uint16(i)) //nolint:gosec // less than waitLines
	}
	for i, list := range g.lists {
		if len(list) > 0 {
			g.shares = append(g.shares, groupShare{g.parts[i], list})
			g.lists[i] = list[:0]
		}
	}
	var odd []uint16
	inTurns(g.shares, func(s groupShare) { odd = s.count(g, b, s.list, odd) })
	for _, i := range odd {
		g.lineByLine(b, &g.waits[i], opts)
	}
	g.waits, g.used = g.waits[:0], 0
}

// A groupShare is the lines that wait for a part.
type groupShare struct {
	*groupPart

	list []uint16
}

// lineByLine leaves a line to the dialect, which will say what is wrong with it.
func (*grouper) lineByLine(b *batch, w *waitingLine, opts *Options) {
	line, _, _ := strings.Cut(b.block.Text[w.start:], "\n")
	b.parseLine(line, b.block.Number+int(w.number), opts)
}
