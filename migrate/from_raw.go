package migrate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"lockstep/migrate/logdb"
)

// A spool is the lines that a log database has sent of a window, in a
// temporary file without a name, until it is known that they are all.
type spool struct {
	file  *os.File
	name  string // of the database
	lines uint64
	begin func(line string) bool // of a record; nil if each line is one
	pool  blockPool
}

func newSpool(d *LogDatabase) (*spool, error) {
	file, err := os.CreateTemp("", "lockstep-lines-")
	if err != nil {
		return nil, fmt.Errorf("keep lines: %w", err)
	}
	s := &spool{file: file, name: d.name}
	if records, ok := d.opts.Dialect.(RecordDialect); ok {
		s.begin = records.Begins
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("keep lines: %w", err), file.Close())
	}
	return s, nil
}

// fill has the lines of a window sent.
func (s *spool) fill(ctx context.Context, db logdb.Database, w logdb.Window) error {
	out := bufio.NewWriterSize(s.file, blockBytes)
	err := db.Lines(ctx, w, func(line string) error {
		s.lines++
		_, err := out.WriteString(strings.TrimSuffix(line, "\n") + "\n")
		return err //nolint:wrapcheck // it is done below
	})
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		_, err = s.file.Seek(0, io.SeekStart)
	}
	if scopeOf(err) < 0 && err != nil {
		return fmt.Errorf("keep lines: %w", err)
	}
	return err //nolint:wrapcheck // a problem is worded by whoever asks
}

// Blocks implements [Source].
func (s *spool) Blocks(ctx context.Context) iter.Seq2[Block, error] {
	return func(yield func(Block, error) bool) {
		reader := blockReader{in: s.file, pool: &s.pool, begins: s.begin}
		for {
			block, err := reader.next()
			if errors.Is(err, io.EOF) {
				return
			}
			block.File = s.name
			if err == nil {
				err = ctx.Err()
			}
			if !yield(block, err) || err != nil {
				return
			}
		}
	}
}

// takeLines has the lines of a window sent and reads them with the dialect.
// Nothing of them goes into the fold before all are there.
func (d *LogDatabase) takeLines(ctx context.Context, f *Fold, w logdb.Window) error {
	lines, err := d.db.Count(ctx, w)
	if err != nil {
		return err //nolint:wrapcheck // a problem is worded by whoever asks
	}
	s, err := newSpool(d)
	if err != nil {
		return err
	}
	defer s.file.Close()
	if err := s.fill(ctx, d.db, w); err != nil {
		return err
	}
	if s.lines != lines {
		return &logdb.Problem{Reason: fmt.Sprintf("it has %d lines, and has sent %d", lines, s.lines), Scope: logdb.OfWindow}
	}
	opts := d.opts
	opts.Memory = f.spill.memory
	counts := newCounting(&opts, f)
	for b, err := range parseAll(ctx, s, &opts, counts) {
		if err == nil {
			err = b.useless
		}
		if err != nil {
			return err
		}
		if b.pause {
			counts.drain(f)
		}
		f.apply(b)
		b.block.release()
		if err := f.spill.settle(ctx); err != nil {
			return err
		}
	}
	counts.drain(f)
	return f.spill.settle(ctx)
}
