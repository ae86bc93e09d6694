package migrate

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// A counting has workers count lines beside the fold, and is drained into it.
type counting interface {
	worker() blockCounter // for a new worker
	isFull() bool         // whether it has to be drained
	fill() bool           // asks for that; false if there is nothing to wait for
	drain(f *Fold)        // moves all that was counted to the fold, while no worker is at it
	settled(f *Fold)      // says that the fold takes other memory than when it was drained into
}

// A blockCounter is the part of a worker in a [counting].
type blockCounter interface {
	// parse reads the lines of a block, and counts them as far as it can. The
	// others, and what else they say, end up in the batch.
	parse(b *batch, opts *Options)
}

// countsBeside reports whether lines are counted beside the fold.
func countsBeside(opts *Options) bool {
	_, scanned := opts.Dialect.(LineDialect)
	return scanned && !opts.simple || newGrouping(opts) != nil
}

// newCounting says how the lines of a dialect are counted.
func newCounting(opts *Options, f *Fold) counting {
	if groups := newGrouping(opts); groups != nil {
		return groups
	}
	if d, ok := opts.Dialect.(LineDialect); ok && !opts.simple {
		return newLineCount(d, opts, f)
	}
	return uncounted{}
}

// uncounted leaves all lines to the fold.
type uncounted struct{}

func (uncounted) worker() blockCounter { return uncounted{} }
func (uncounted) isFull() bool         { return false }
func (uncounted) fill() bool           { return false }
func (uncounted) drain(*Fold)          {}
func (uncounted) settled(*Fold)        {}

func (uncounted) parse(b *batch, opts *Options) { b.parseText(opts) }

// A budget is what a [counting] may take in memory, together with the fold.
type budget struct {
	memory int64
	used   atomic.Int64 // beside the fold, and by the fold when it was drained into last
	full   atomic.Bool  // it is more, or the fold wants to have all
}

func (b *budget) isFull() bool { return b.full.Load() }

func (b *budget) fill() bool {
	b.full.Store(true)
	return true
}

func (b *budget) settled(f *Fold) { b.used.Store(f.table.bytes) }

// take notes that more is used.
func (b *budget) take(more int64) {
	if b.used.Add(more) > b.memory {
		b.full.Store(true)
	}
}

// weigh takes what is more than was counted before.
func (b *budget) weigh(counted *int64, now int64) {
	more := now - *counted
	*counted = now
	b.take(more)
}

// partsFor is how many parts so many workers share: enough that one of them
// mostly finds a part that nobody is at.
func partsFor(workers int) int {
	if workers == 1 {
		return 1
	}
	return 4 << bits.Len(uint(min(workers, 8)-1)) //nolint:gosec // not negative
}

// maxParts is how many parts there may be, by the first bits of a hash.
const maxParts, partShift = 1 << (64 - partShift), 58

// partOf is the one of so many parts that a hash belongs to. Where it stands in
// there depends on other bits.
func partOf(hash uint64, parts int) int { return int(hash >> partShift & uint64(parts-1)) } //nolint:gosec // six bits

// inTurns does something to each part while it is locked. One that somebody else
// is at comes later: it is waited for only when there is no other one left.
func inTurns[P interface {
	sync.Locker
	TryLock() bool
}](todo []P, do func(P),
) {
	for len(todo) > 0 {
		busy := todo[:0]
		for _, part := range todo {
			if !part.TryLock() {
				busy = append(busy, part)
				continue
			}
			do(part)
			part.Unlock()
		}
		if len(busy) == len(todo) {
			busy[0].Lock()
			do(busy[0])
			busy[0].Unlock()
			busy = busy[1:]
		}
		todo = busy
	}
}
