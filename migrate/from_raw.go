package migrate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"lockstep/migrate/logdb"
)

// rawBlockBytes is how much of what a database sends is parsed at once.
const rawBlockBytes = 256 << 10

// rawLines is a [Source] of the lines that a log database has of a window.
type rawLines struct {
	*LogDatabase

	window logdb.Window
	sent   uint64 // lines
}

// errStopped ends an answer that nobody reads on.
var errStopped = errors.New("stopped")

// Blocks implements [Source].
func (r *rawLines) Blocks(ctx context.Context) iter.Seq2[Block, error] {
	return func(yield func(Block, error) bool) {
		var text strings.Builder
		number := 1
		flush := func() error {
			if text.Len() > 0 && !yield(Block{File: r.name, Number: number, Text: text.String()}, nil) {
				return errStopped
			}
			number += strings.Count(text.String(), "\n")
			text.Reset()
			return nil
		}
		err := r.db.Lines(ctx, r.window, func(line string) error {
			r.sent++
			text.WriteString(strings.TrimSuffix(line, "\n") + "\n")
			if text.Len() < rawBlockBytes {
				return nil
			}
			return flush()
		})
		if err == nil {
			err = flush()
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(Block{}, err)
		}
	}
}

// takeLines has the lines of a window sent and reads them with the dialect.
// They go into the fold as they come: what has happened has happened, also if
// the rest of the window stays unknown.
func (d *LogDatabase) takeLines(ctx context.Context, f *Fold, w logdb.Window) error {
	lines, err := d.db.Count(ctx, w)
	if err != nil {
		return err //nolint:wrapcheck // a problem is worded by whoever asks
	}
	source := &rawLines{LogDatabase: d, window: w}
	for b, err := range parseAll(ctx, source, &d.opts, nil) {
		if err == nil {
			err = b.useless
		}
		if err != nil {
			return err
		}
		f.apply(b)
		if err := f.spill.settle(ctx); err != nil {
			return err
		}
	}
	if source.sent != lines {
		return &logdb.Problem{Reason: fmt.Sprintf("it has %d lines, and has sent %d", lines, source.sent), Scope: logdb.OfWindow}
	}
	return nil
}
