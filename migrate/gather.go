package migrate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"

	"lockstep/schemas"
)

// Options say how logs are read.
type Options struct {
	Dialect     Dialect
	Environment string // events of others are ignored; empty takes what comes, as long as it is of one
	Store       string // the file where tallies are kept and reading is resumed; empty for none
	Memory      int64  // what tallies may take, in bytes, before they go to files; [DefaultMemory] if 0

	// Beside the files, in this order.
	Beside []Contributor

	// Progress is told how many bytes of the logs have been read, as they are
	// packed. It may be nil.
	Progress func(bytes int64)

	commitBytes int64 // see the constant; not 0 in tests
}

// Gather folds all lines of logs, of which there may be none, and what the
// contributors know. Blocks are parsed in parallel and folded in
// the order of the lines, so that the evidence is the same each time. The
// caller closes the evidence.
func Gather(ctx context.Context, files *Files, opts Options) (*Evidence, error) {
	if opts.Memory == 0 {
		opts.Memory = DefaultMemory
	}
	if opts.commitBytes == 0 {
		opts.commitBytes = commitBytes
	}
	k, err := newKeeper(ctx, files, &opts)
	if err != nil {
		return nil, err
	}
	e, err := foldAll(ctx, files, &opts, k)
	if err != nil {
		return nil, errors.Join(err, k.close())
	}
	e.Coverage.Copies = uint64(files.copies) //nolint:gosec // a number of files
	return e, nil
}

func foldAll(ctx context.Context, files *Files, opts *Options, k keeper) (*Evidence, error) {
	fold := k.fold()
	fold.expect(opts.Dialect)
	files.cutAt(opts.Dialect)
	for b, err := range parseAll(ctx, files, opts) {
		if err == nil {
			err = b.useless
		}
		if err != nil {
			return nil, err
		}
		fold.apply(b)
		b.settle()
		if err := errors.Join(fold.check(opts.Memory), k.settle(ctx, b)); err != nil {
			return nil, err
		}
		if opts.Progress != nil {
			opts.Progress(files.read.Load())
		}
	}
	fold.settle()
	return k.finish(ctx)
}

// A keeper says what becomes of tallies that a fold has summed up.
type keeper interface {
	fold() *Fold
	settle(ctx context.Context, b *batch) error // after a batch was applied
	finish(ctx context.Context) (*Evidence, error)
	close() error
}

func newKeeper(ctx context.Context, files *Files, opts *Options) (keeper, error) {
	if opts.Store != "" {
		return newStoreKeeper(ctx, files, opts)
	}
	fold := NewFold(opts.Environment)
	return &spillKeeper{f: fold, spill: &tallySpill{memory: opts.Memory, table: fold.table}, beside: opts.Beside}, nil
}

// A spillKeeper keeps tallies in memory and temporary files.
type spillKeeper struct {
	f      *Fold
	spill  *tallySpill
	beside []Contributor
}

func (k *spillKeeper) fold() *Fold { return k.f }

func (k *spillKeeper) settle(ctx context.Context, _ *batch) error { return k.spill.settle(ctx) }

func (k *spillKeeper) finish(ctx context.Context) (*Evidence, error) {
	if err := k.f.takeIn(ctx, k.beside, k.spill); err != nil {
		return nil, err
	}
	return k.f.evidence(ctx, k.spill)
}

func (k *spillKeeper) close() error { return k.spill.Close() }

// A batch is what the lines of one block say.
type batch struct {
	Coverage // Parsed and Ignored are not complete before the batch is applied

	block   Block
	events  []schemas.Event
	samples []Sample
	dialect Dialect // that parsed it

	// Of a [RecordDialect].
	records []Record
	signs   []sign
	exposed Exposure
	useless error // nothing of the logs can be understood
}

// parse reads the lines of a block. It is safe to be called from many goroutines.
func parse(block Block, opts *Options, events []schemas.Event) *batch {
	b := &batch{block: block, events: events, dialect: opts.Dialect}
	switch {
	case block.Open && opts.Store != "":
		b.Unfinished++ // its place can only be stored once its line break is there
	case block.Long:
		b.unparsed(block.Number, errLong)
	default:
		b.parseText(opts)
	}
	return b
}

// ofFile is how the lines of a block of a file are read.
func (o *Options) ofFile(file string) *Options {
	own := *o
	switch d := o.Dialect.(type) {
	case *mapping:
		own.Dialect = d.inFile(file)
	case *LogVerifier:
		own.Dialect = d.block(file)
	default:
		return o
	}
	return &own
}

func (b *batch) parseText(opts *Options) {
	if d, ok := opts.Dialect.(RecordDialect); ok {
		b.parseRecords(d, opts)
		return
	}
	number := b.block.Number
	for line := range strings.Lines(b.block.Text) {
		b.parseLine(strings.TrimSuffix(line, "\n"), number, opts)
		number++
	}
}

var errLong = fmt.Errorf("longer than %d KiB", MaxLine>>10)

func (b *batch) parseLine(line string, number int, opts *Options) {
	if len(line) > MaxLine {
		b.unparsed(number, errLong)
		return
	}
	event, ok, err := opts.Dialect.Parse(strings.TrimSuffix(line, "\r"))
	switch {
	case err != nil && b.block.Open: // the rest of it is still to come
		b.Unfinished++
		return
	case err != nil:
		b.unparsed(number, err)
		return
	case !ok || (opts.Environment != "" && event.Environment != opts.Environment):
		b.Ignored++
	default:
		b.events = append(b.events, event)
	}
	b.Lines++
}

func (b *batch) unparsed(number int, reason error) {
	b.Lines++
	b.Unparsed++
	if len(b.samples) < maxSamples {
		b.samples = append(b.samples, Sample{File: b.block.File, Line: number, Reason: reason.Error()})
	}
}

// A job is a block on its way through a worker.
type job struct {
	block  Block
	err    error
	parsed chan *batch
}

// parseAll parses blocks on all processors and yields the batches in order.
// The number of blocks on their way is bounded.
func parseAll(ctx context.Context, source Source, opts *Options) iter.Seq2[*batch, error] {
	return func(yield func(*batch, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		var pool sync.Pool // of the events of a block
		defer running.Wait()
		defer cancel()
		workers := runtime.GOMAXPROCS(0)
		work, order := make(chan *job), make(chan *job, 2*workers)
		running.Go(func() { feed(ctx, source, work, order) })
		for range workers {
			running.Go(func() {
				for j := range work {
					events, _ := pool.Get().([]schemas.Event)
					j.parsed <- parse(j.block, opts.ofFile(j.block.File), events[:0])
				}
			})
		}
		for j := range order {
			b, err := j.wait(ctx)
			if !yield(b, err) || err != nil {
				return
			}
			pool.Put(b.events) //nolint:staticcheck // a header of a slice per block is nothing
		}
		if err := ctx.Err(); err != nil { // what was not read must not look like the end
			yield(nil, fmt.Errorf("read logs: %w", err))
		}
	}
}

// wait returns what a worker made of the block.
func (j *job) wait(ctx context.Context) (*batch, error) {
	if j.err != nil {
		return nil, j.err
	}
	select {
	case b := <-j.parsed:
		return b, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("read logs: %w", ctx.Err())
	}
}

// feed hands out blocks as jobs, to be parsed and to be waited for.
func feed(ctx context.Context, source Source, work, order chan<- *job) {
	defer close(work)
	defer close(order)
	for block, err := range source.Blocks(ctx) {
		j := &job{block: block, err: err, parsed: make(chan *batch, 1)}
		select {
		case order <- j:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
		select {
		case work <- j:
		case <-ctx.Done():
			return
		}
	}
}
