package migrate

import (
	"context"
	"iter"
)

// MaxLine is the length in bytes up to which a line is read. The longest line
// that lockstep run writes, a heartbeat of a thousand keys, is a tenth of it.
const MaxLine = 1 << 20

// A Line is one line of a log and its place.
type Line struct {
	File   string // as the source names it
	Number int    // counts from 1
	Text   []byte // without its line break; good until the next line is read
	Long   bool   // longer than [MaxLine]: Text is left out
	Open   bool   // the last line has no line break: it may still be being written
}

// A Source yields the lines of logs. It stops at the first error: what could
// not be read must not look like something that never happened.
type Source interface {
	Lines(ctx context.Context) iter.Seq2[Line, error]
}
