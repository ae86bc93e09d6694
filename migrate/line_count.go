package migrate

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"time"

	"lockstep/schemas"
)

// A lineCount counts lines of a [LineDialect], with numbers in place of texts.
// Workers share it. They find the numbers; the fold finds out which lines are
// the first of their requests; and workers count those, in any order.
type lineCount struct {
	budget

	reads       LineDialect
	environment string
	callers     *callers
	lines       *lineFold
	seed        uint64
	parts       []*linePart // by the hash of a client, so that each client is in one of them
	workers     []*lineWorker
	named       int64 // bytes of names, as they were counted
	pool        linePool

	mu          sync.Mutex
	kinds       []lineKind // by number, from 1
	kindNumbers map[lineKind]lineKindNumber
	threads     names
	decided     [][]countedLine // lines of blocks that have to be counted
}

// A lineKind is what the lines of one kind have in common.
type lineKind struct {
	key            schemas.TallyKey // without subject, client and day
	node           string
	copied         string // see [Record.Copy]
	paired, second bool
}

// A lineKindNumber has the number of a kind, and whether it is paired, and second.
type lineKindNumber uint32

const (
	wholeRecord lineKindNumber = 0         // a record that was read in full
	foreign     lineKindNumber = 1<<32 - 1 // of another environment
)

func (n lineKindNumber) number() int { return int(n >> 2) }

// A countedLine is a line with numbers in place of its texts.
type countedLine struct {
	who    callerNumber
	ms     int64
	thread uint32 // of a record that was read in full: its place among those of the block
	kind   lineKindNumber
}

func (l *countedLine) paired() bool { return l.kind&2 != 0 }

func (l *countedLine) second() bool { return l.kind&1 != 0 }

// newLineCount counts lines for a fold.
func newLineCount(d LineDialect, opts *Options, f *Fold) *lineCount {
	c := &lineCount{
		budget: budget{memory: opts.Memory}, reads: d, environment: opts.Environment, callers: f.callers,
		seed: rand.Uint64(), threads: newNames(), kindNumbers: map[lineKind]lineKindNumber{}, //nolint:gosec // no secret
	}
	for range partsFor(runtime.GOMAXPROCS(0)) {
		c.parts = append(c.parts, newLinePart(c))
	}
	c.lines = &lineFold{fold: f, count: c}
	f.lines = c.lines
	return c
}

// worker implements [counting].
func (c *lineCount) worker() blockCounter {
	w := newLineWorker(c)
	c.workers = append(c.workers, w)
	return w
}

// kind is the kind that has a number.
func (c *lineCount) kind(number int) lineKind {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kinds[number-1]
}

// kindNumber is the number of what the lines of a kind have in common.
func (c *lineCount) kindNumber(r *Record) lineKindNumber {
	key, _ := r.Event.Tally()
	if c.environment != "" && key.Environment != c.environment {
		return foreign
	}
	key.Subject, key.Client, key.Day = "", "", ""
	kind := lineKind{key: key, node: r.Node, copied: r.Copy, paired: r.Thread != "", second: r.Second}
	c.mu.Lock()
	defer c.mu.Unlock()
	number, ok := c.kindNumbers[kind]
	if !ok {
		kind.key, kind.node, kind.copied = cloneKey(key), strings.Clone(r.Node), strings.Clone(r.Copy)
		c.kinds = append(c.kinds, kind)
		number = kind.numbered(len(c.kinds))
		c.kindNumbers[kind] = number
	}
	return number
}

func (k *lineKind) numbered(number int) lineKindNumber {
	n := lineKindNumber(number) << 2 //nolint:gosec // memory ends before 30 bits do
	if k.paired {
		n |= 2
	}
	if k.second {
		n |= 1
	}
	return n
}

// thread is the name of a thread that has a number.
func (c *lineCount) thread(number uint32) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.threads.all[number]
}

func (c *lineCount) threadNumber(name string) uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.threads.number(name)
}

// record is what a line means, as [LineDialect.Meaning] has it.
func (c *lineCount) record(l *countedLine) Record {
	kind := c.kind(l.kind.number())
	var tally schemas.Tally
	tally.Add(l.ms)
	key := kind.key
	key.Subject, key.Client = c.callers.names(l.who)
	key.Day = utcDay(l.ms / dayMS)
	return Record{
		Node: kind.node, TimeMS: l.ms, Event: schemas.TallyEvent(key, tally), Counts: true,
		Thread: c.thread(l.thread), Second: kind.second, Copy: kind.copied,
	}
}

// utcDay writes a day, counted from 1970.
func utcDay(day int64) string { return time.UnixMilli(day * dayMS).UTC().Format(time.DateOnly) }

// handOn leaves lines to the workers, which count them when they are next at it.
func (c *lineCount) handOn(lines []countedLine) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.decided = append(c.decided, lines)
	c.weigh(&c.named, c.threads.bytes+c.callers.bytes())
}

// next takes lines to be counted; ok is false if there are none.
func (c *lineCount) next() (lines []countedLine, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok = len(c.decided) > 0; ok {
		lines, c.decided = c.decided[0], c.decided[1:]
	}
	return lines, ok
}

// drain implements [counting].
func (c *lineCount) drain(f *Fold) {
	if len(c.workers) > 0 {
		c.workers[0].countDecided()
	}
	parallel(len(c.parts), func(i int) { c.parts[i].sum() })
	for _, p := range c.parts {
		f.table.merge(p.sums)
		p.clear()
	}
	c.forget(f)
	c.full.Store(false)
	c.settled(f)
}

// forget has all numbers begin anew, as names take memory too.
func (c *lineCount) forget(f *Fold) {
	f.Pairing.name(c.callers)
	c.lines.forget()
	c.callers.clear()
	c.threads, c.kinds, c.named = newNames(), nil, 0
	clear(c.kindNumbers)
	for _, w := range c.workers {
		w.forget()
		w.counted = 0
	}
}
