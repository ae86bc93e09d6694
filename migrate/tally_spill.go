package migrate

import (
	"container/heap"
	"context"
	"errors"
	"iter"
)

// DefaultMemory is the default of [Options.Memory]: room for a million tallies
// or two.
const DefaultMemory = 192 << 20

// maxRuns is how many runs lie side by side before they are made one. Each
// takes a descriptor, and a buffer while it is read.
const maxRuns = 32

// A tallySpill holds any number of tallies, exactly: what does not fit into
// its memory is written to sorted runs, and merged when it is read.
type tallySpill struct {
	memory int64
	table  *tallyTable
	runs   []*tallyRun
}

// settle moves the table to a run if it has grown too large.
func (s *tallySpill) settle(ctx context.Context) error {
	if s.table.bytes < s.memory {
		return nil
	}
	if err := s.spill(ctx); err != nil || len(s.runs) < maxRuns {
		return err
	}
	return s.compact(ctx)
}

// spill moves the table to a run.
func (s *tallySpill) spill(ctx context.Context) error {
	run, err := writeRun(ctx, s.table)
	if err != nil {
		return err
	}
	s.table.clear()
	s.runs = append(s.runs, run)
	return nil
}

// compact makes one run of all.
func (s *tallySpill) compact(ctx context.Context) error {
	if s.table.bytes > 0 {
		if err := s.spill(ctx); err != nil {
			return err
		}
	}
	*s.table = *newTallyTable() // as its memory may be needed
	run, err := writeRun(ctx, mergedRuns(s.runs))
	if err != nil {
		return err
	}
	err = s.Close()
	s.runs = []*tallyRun{run}
	return err
}

// rows implements [tallySource].
func (s *tallySpill) rows(ctx context.Context) iter.Seq2[tallyRow, error] {
	return rowsOfSpans(s.spans(ctx))
}

// spans implements [spanned]. Runs become one before they are read, as they
// will be read more than once.
func (s *tallySpill) spans(ctx context.Context) iter.Seq2[spanLoader, error] {
	if len(s.runs) == 0 {
		return s.table.spans(ctx)
	}
	if len(s.runs) > 1 || s.table.bytes > 0 {
		if err := s.compact(ctx); err != nil {
			return func(yield func(spanLoader, error) bool) { yield(nil, err) }
		}
	}
	return s.runs[0].allSpans()
}

// Close implements [tallySource].
func (s *tallySpill) Close() error {
	var errs []error
	for _, run := range s.runs {
		errs = append(errs, run.close())
	}
	s.runs = nil
	return errors.Join(errs...)
}

// mergeRows merges sources that are in order; rows of the same key become one.
func mergeRows(sources []iter.Seq2[tallyRow, error]) iter.Seq2[tallyRow, error] {
	return func(yield func(tallyRow, error) bool) {
		heads := mergeHeap{}
		for _, source := range sources {
			next, stop := iter.Pull2(source)
			defer stop()
			heads.open(next)
		}
		heads.merge(yield)
	}
}

// A mergeHead is the row that a source is at.
type mergeHead struct {
	row  tallyRow
	err  error
	next func() (tallyRow, error, bool)
}

// A mergeHeap has the source with the least row first; one that failed is
// before all others.
type mergeHeap []*mergeHead

func (h *mergeHeap) open(next func() (tallyRow, error, bool)) {
	if row, err, ok := next(); ok {
		heap.Push(h, &mergeHead{row, err, next})
	}
}

// merge yields the rows of all sources in order, each key once.
func (h *mergeHeap) merge(yield func(tallyRow, error) bool) {
	for len(*h) > 0 {
		row, err := h.take()
		for err == nil && len(*h) > 0 && (*h)[0].row.compare(&row) == 0 {
			var same tallyRow
			same, err = h.take()
			row.Merge(same.Tally)
		}
		if !yield(row, err) || err != nil {
			return
		}
	}
}

// take returns the first row and moves its source on.
func (h *mergeHeap) take() (tallyRow, error) {
	head := (*h)[0]
	row, err := head.row, head.err
	var more bool
	if head.row, head.err, more = head.next(); more {
		heap.Fix(h, 0)
	} else {
		heap.Pop(h)
	}
	return row, err
}

// Len implements [heap.Interface].
func (h mergeHeap) Len() int { return len(h) }

// Less implements [heap.Interface].
func (h mergeHeap) Less(i, j int) bool {
	if (h[i].err != nil) != (h[j].err != nil) {
		return h[i].err != nil
	}
	return h[i].row.compare(&h[j].row) < 0
}

// Swap implements [heap.Interface].
func (h mergeHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements [heap.Interface].
func (h *mergeHeap) Push(x any) { *h = append(*h, x.(*mergeHead)) } //nolint:forcetypeassert // only open pushes

// Pop implements [heap.Interface].
func (h *mergeHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
