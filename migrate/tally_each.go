package migrate

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"sync"
)

// A spanJob is a span on its way through a worker.
type spanJob[T any] struct {
	load spanLoader
	made T
	err  error
	done chan struct{}
}

// eachSpan has workers make something of each span, and takes in order what
// they have made. What was taken may be made again of another span, so that
// its memory is used again.
func eachSpan[T any](ctx context.Context, source tallySource, work func(tallySpan, T) T, take func(T) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	workers := runtime.GOMAXPROCS(0)
	todo, order := make(chan *spanJob[T]), make(chan *spanJob[T], workers)
	spare := make(chan T, 2*workers)
	running.Go(func() { feedSpans(ctx, spansOf(ctx, source), todo, order) })
	for range workers {
		running.Go(func() {
			var memory spanMemory
			for j := range todo {
				j.do(&memory, work, spare)
			}
		})
	}
	for j := range order {
		if !receive(ctx, j.done) {
			break
		}
		if j.err == nil {
			j.err = take(j.made)
		}
		if j.err != nil {
			return j.err
		}
		spare <- j.made
	}
	if err := ctx.Err(); err != nil { // what was not read must not look like the end
		return fmt.Errorf("read tallies: %w", err)
	}
	return nil
}

// feedSpans hands out spans, to be worked on and to be waited for.
func feedSpans[T any](ctx context.Context, spans iter.Seq2[spanLoader, error], todo, order chan<- *spanJob[T]) {
	defer close(todo)
	defer close(order)
	for load, err := range spans {
		j := &spanJob[T]{load: load, err: err, done: make(chan struct{})}
		if err != nil {
			close(j.done)
		}
		if !send(ctx, order, j) || err != nil || !send(ctx, todo, j) {
			return
		}
	}
}

func (j *spanJob[T]) do(memory *spanMemory, work func(tallySpan, T) T, spare <-chan T) {
	defer close(j.done)
	span, err := j.load(memory)
	if j.err = err; err != nil {
		return
	}
	var old T
	select {
	case old = <-spare:
	default:
	}
	j.made = work(span, old)
}
