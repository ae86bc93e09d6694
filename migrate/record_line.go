package migrate

import (
	"strings"
	"sync"

	"lockstep/schemas"
)

// A LineDialect is a [RecordDialect] that knows the layout which nearly all
// lines of a log have, and reads those without taking them apart. Its methods
// are called from many goroutines.
type LineDialect interface {
	RecordDialect

	// Scanner reads lines of a file. It is nil where a text has something in
	// it for which all of its records have to be read in full.
	Scanner(file, text string) LineScanner

	// Meaning is the record of a line that counts, as [RecordDialect.Record]
	// has it; text is the one that it was found in. ok is false if the line has to
	// be read in full after all, like all others with its Subject.
	Meaning(file, text string, l *Line) (r Record, ok bool)
}

// A LineScanner reads lines one after the other.
type LineScanner interface {
	// Scan reads the line that begins at a place of the text, and says where the
	// next one does.
	Scan(text string, at int, l *Line) (next int, reading Reading)

	// Node is whose lines they are.
	Node() string
}

// A Reading says how far a [LineScanner] got with a line.
type Reading int

// What a line is. Lines that follow one which was understood, and begin no
// record, do not matter.
const (
	ReadNot   Reading = iota // it has to be read in full
	ReadSign                 // it is a sign of life and nothing more
	ReadCount                // it counts
)

// A Line is what a scanner has found in a line. Lines of a file that have the
// same Subject, Client and Kind mean the same, but for their times and threads;
// the subject, the client and the thread that are meant depend on that text alone.
type Line struct {
	TimeMS                  int64
	Subject, Client, Thread Span   // Thread is only looked at if it tells the records of a request
	Address                 uint32 // the client is that IPv4 address, if IsAddress
	IsAddress               bool
	Kind                    uint8
}

// A Span is a place in a text.
type Span struct{ From, To uint32 }

// Of is the text at that place.
func (s Span) Of(text string) string { return text[s.From:s.To] }

// auditEvery is how many lines of a block a scanner reads for each one that is
// read in full as well, to see whether it reads them right.
const auditEvery = 1024

// scanLines reads a block line by line, and in full what the scanner leaves. It
// reports false if the block has to be read in full.
func (b *batch) scanLines(w *lineWorker, opts *Options) bool {
	s := w.reads.Scanner(b.whose, b.block.Text)
	if s == nil {
		return false
	}
	c := lineReader{batch: *b, lineWorker: w, scanner: s, opts: opts}
	c.lines = w.pool.get(len(b.block.Text) / 128)
	if !c.read() {
		return false
	}
	*b = c.batch
	return true
}

// A lineReader reads a block for [batch.scanLines].
type lineReader struct {
	batch
	*lineWorker

	scanner LineScanner
	opts    *Options
	line    Line
	known   bool // a record that was read leaves nothing to its further lines
}

func (r *lineReader) read() bool {
	text := r.block.Text
	life := sign{node: r.scanner.Node()}
	for at := 0; at < len(text); {
		r.line = Line{}
		next, reading := r.scanner.Scan(text, at, &r.line)
		switch reading {
		case ReadNot:
			at = r.readInFull(at)
			continue
		case ReadSign:
			r.Ignored++
		case ReadCount:
			if !r.number(&r.batch, &r.line) {
				at = r.readInFull(at)
				continue
			}
		}
		if r.Lines%auditEvery == 0 && !r.agrees(text[at:next], reading) {
			return false
		}
		life.note(&r.batch, r.line.TimeMS)
		r.Lines++
		r.known = true
		at = next
	}
	life.flush(&r.batch)
	return true
}

// note adds a moment to a sign of life, or begins another one in another hour.
func (s *sign) note(b *batch, ms int64) {
	switch {
	case s.firstMS <= ms && ms <= s.lastMS:
	case s.lastMS == 0 || ms/hourMS != s.lastMS/hourMS:
		s.flush(b)
		s.firstMS, s.lastMS = ms, ms
	default:
		s.firstMS, s.lastMS = min(s.firstMS, ms), max(s.lastMS, ms)
	}
}

// flush notes a sign of life, if there is one.
func (s *sign) flush(b *batch) {
	if s.lastMS > 0 {
		b.signs = append(b.signs, *s)
	}
}

// A linePool keeps the lines of blocks that were counted, to be used again.
type linePool struct{ sync.Pool }

func (p *linePool) get(room int) []countedLine {
	if lines, _ := p.Get().(*[]countedLine); lines != nil {
		return (*lines)[:0]
	}
	return make([]countedLine, 0, room)
}

func (p *linePool) put(lines []countedLine) {
	if cap(lines) > 0 {
		p.Put(&lines)
	}
}

// readInFull reads the record that begins at a place, and returns where it
// ends. Lines that belong to one which is known already are passed over.
func (r *lineReader) readInFull(at int) int {
	text := r.block.Text[at:]
	for record := range records(text, r.reads.Begins) {
		first, _, _ := strings.Cut(record, "\n")
		if r.known && !r.reads.Begins(strings.TrimRight(first, "\r")) {
			more := uint64(strings.Count(record, "\n")) //nolint:gosec // a number of lines
			r.Lines += more
			r.Ignored += more
		} else {
			r.parseRecord(r.reads, record, r.opts)
		}
		r.known = true
		return at + len(record)
	}
	return len(r.block.Text)
}

// agrees reports whether a line says what the scanner says of it.
func (r *lineReader) agrees(line string, reading Reading) bool {
	l := &r.line
	want, err := r.reads.Record(r.whose, line)
	if err != nil || want.TimeMS != l.TimeMS || want.Counts != (reading == ReadCount) || want.Exposed {
		return false
	}
	if reading != ReadCount {
		return true
	}
	got, ok := r.reads.Meaning(r.whose, r.block.Text, l)
	return ok && want.same(got)
}

// same compares all that is used of two records.
func (r *Record) same(other Record) bool {
	key, tally := r.Event.Tally()
	otherKey, otherTally := other.Event.Tally()
	a, b := *r, other
	a.Event, b.Event = schemas.Event{}, schemas.Event{}
	return key == otherKey && tally == otherTally && r.Event.TimeMS == other.Event.TimeMS && a.flat() == b.flat()
}

// flat is what is left of a record beside its event.
func (r *Record) flat() [7]any {
	return [...]any{r.Node, r.TimeMS, r.Counts, r.Thread, r.Second, r.Copy, r.Exposed}
}
