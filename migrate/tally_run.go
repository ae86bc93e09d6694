package migrate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
)

// runTallies is how many tallies of a run are encoded together about. Of many
// runs that are merged few are decoded that belong to what comes next.
const runTallies = 1 << 10

// A tallyRun is a temporary file of tallies in order. Its name is gone from the
// start, so that a crash leaves nothing behind.
type tallyRun struct {
	file  *os.File
	size  int64
	count int // of tallies
	spans []runSpan
}

// A runSpan is where tallies are in a run, and whom they begin with.
type runSpan struct {
	first  runKey
	offset int64
	size   int
}

// A runKey is a client of a subject.
type runKey struct{ subject, client string }

// newRun has no tallies yet. Its name says what it is for.
func newRun(name string) (*tallyRun, error) {
	file, err := os.CreateTemp("", name)
	if err != nil {
		return nil, fmt.Errorf("spill tallies: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("spill tallies: %w", err), file.Close())
	}
	return &tallyRun{file: file}, nil
}

// writeRun writes what a source has to a new run.
func writeRun(ctx context.Context, source tallySource) (*tallyRun, error) {
	run, err := newRun("lockstep-tallies-")
	if err != nil {
		return nil, err
	}
	if err := eachSpan(ctx, source, encodeSpan, run.add); err != nil {
		return nil, errors.Join(fmt.Errorf("spill tallies: %w", err), run.file.Close())
	}
	return run, nil
}

// An encodedSpan is parts of a run.
type encodedSpan struct {
	encoder runEncoder
	text    []byte
	spans   []runSpan
	count   int
}

// encodeSpan encodes a span, with the memory of another.
func encodeSpan(span tallySpan, e *encodedSpan) *encodedSpan {
	if e == nil {
		e = &encodedSpan{}
	}
	e.text, e.spans, e.count = e.text[:0], e.spans[:0], len(span.tallies)
	for rest := span.tallies; len(rest) > 0; {
		n := clientEnd(rest, runTallies)
		offset := len(e.text)
		e.text = e.encoder.encode(e.text, tallySpan{span.texts, rest[:n]})
		subject, client := span.who(&rest[0])
		e.spans = append(e.spans, runSpan{runKey{subject, client.name}, int64(offset), len(e.text) - offset})
		rest = rest[n:]
	}
	return e
}

// clientEnd is the first place, and not before n, that another client is at.
func clientEnd(tallies []tallyEntry, n int) int {
	for n < len(tallies) && tallies[n].who() == tallies[n-1].who() {
		n++
	}
	return min(n, len(tallies))
}

// add writes what was encoded behind all before.
func (r *tallyRun) add(e *encodedSpan) error {
	for _, span := range e.spans {
		span.offset += r.size
		span.first = runKey{strings.Clone(span.first.subject), strings.Clone(span.first.client)} // as their table goes
		r.spans = append(r.spans, span)
	}
	r.size += int64(len(e.text))
	r.count += e.count
	for piece := range slices.Chunk(e.text, pieceBytes) {
		if _, err := r.file.Write(piece); err != nil {
			return err //nolint:wrapcheck // the caller says what is written
		}
	}
	return nil
}

// load decodes a span.
func (r *tallyRun) load(span runSpan, m *spanMemory) (tallySpan, error) {
	text := make([]byte, span.size)
	if _, err := r.file.ReadAt(text, span.offset); err != nil {
		return tallySpan{}, fmt.Errorf("read spilled tallies: %w", err)
	}
	decoded, err := decodeRun(text, m)
	if err != nil {
		return tallySpan{}, fmt.Errorf("read spilled tallies: %w", err)
	}
	return decoded, nil
}

// allSpans yields the spans of the run.
func (r *tallyRun) allSpans() iter.Seq2[spanLoader, error] {
	return func(yield func(spanLoader, error) bool) {
		for _, span := range r.spans {
			if !yield(func(m *spanMemory) (tallySpan, error) { return r.load(span, m) }, nil) {
				return
			}
		}
	}
}

func (r *tallyRun) rows() iter.Seq2[tallyRow, error] { return rowsOfSpans(r.allSpans()) }

func (r *tallyRun) close() error { return r.file.Close() } //nolint:wrapcheck // a file without a name
