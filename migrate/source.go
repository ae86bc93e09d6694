package migrate

import (
	"context"
	"iter"
)

// MaxLine is the length in bytes up to which a line is read. The longest line
// that lockstep run writes, a heartbeat of a thousand keys, is a tenth of it.
const MaxLine = 1 << 20

// A Block is a stretch of whole lines of one log.
type Block struct {
	File   string // as the source names it
	Number int    // of its first line, counted from 1
	Text   string // lines with their line breaks
	Long   bool   // a single line, too long to be read: Text is left out
	Open   bool   // a single line without a line break, which may still be being written
	log    *logFile
	buffer []byte // that Text lies in, to be let go; nil if it is nobody's
	pool   *blockPool
	end    position // behind the block; where it began, if it is open
}

// A Source yields the lines of logs, in blocks, in order. It stops at the
// first error: what could not be read must not look like something that never
// happened.
type Source interface {
	Blocks(ctx context.Context) iter.Seq2[Block, error]
}

// A position is a place behind a line break in a log, unpacked if the log is packed.
type position struct {
	Offset int64
	Lines  int    // before it
	Tail   string // the last bytes before it, to tell whether it is the same log
}

// tailBytes is how much of a log before a position is compared.
const tailBytes = 1024

// advance moves the position behind text, of which lines lines are whole.
func (p *position) advance(text []byte, lines int) {
	p.Offset += int64(len(text))
	p.Lines += lines
	tail := text
	if len(text) < tailBytes {
		tail = append([]byte(p.Tail), text...)
	}
	p.Tail = string(tail[max(len(tail)-tailBytes, 0):])
}
