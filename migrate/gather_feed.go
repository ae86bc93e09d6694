package migrate

import (
	"context"
	"iter"
	"sync"
)

// A feed hands out blocks to workers. Whoever takes one reads, or unpacks, it
// himself, into memory that he has just let go: so it stays in the cache of
// his processor, and nobody has to be woken up for it.
type feed struct {
	order  chan *job // to be waited for
	counts counting

	mu    sync.Mutex
	next  func() (Block, error, bool)
	ended bool
}

// newFeed is a feed of a source that lets so many blocks be on their way. It
// has to be stopped when nobody takes blocks any more.
func newFeed(ctx context.Context, source Source, counts counting, ahead int) (f *feed, stop func()) {
	f = &feed{order: make(chan *job, ahead), counts: counts}
	f.next, stop = iter.Pull2(source.Blocks(ctx))
	return f, stop
}

// take returns the next block as a job; nil if there is none. It pauses when
// what was counted has to be drained.
func (f *feed) take(ctx context.Context) *job {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return nil
	}
	if f.counts.isFull() {
		pause := &job{resume: make(chan struct{})}
		if !send(ctx, f.order, pause) || !receive(ctx, pause.resume) {
			return f.end()
		}
	}
	block, err, ok := f.next()
	j := &job{block: block, err: err, parsed: make(chan *batch, 1)}
	if !ok || !send(ctx, f.order, j) || err != nil {
		return f.end()
	}
	return j
}

func (f *feed) end() *job {
	f.ended = true
	close(f.order)
	return nil
}
