package migrate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"
	"time"

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

	// Now tells the time, to bring the store up to date every few seconds of
	// work. If it is nil that is done at the end, and when the memory is full.
	Now func() time.Time

	simple bool   // fold line by line, as the reference of tests
	waits  bool   // a line that may still be being written is left for the next time
	host   string // on which the files are, for a scan
}

func (o *Options) now() time.Time {
	if o.Now == nil {
		return time.Time{}
	}
	return o.Now()
}

// Gather folds all lines of logs, of which there may be none, and what the
// contributors know. Blocks are parsed in parallel and folded in
// the order of the lines, so that the evidence is the same each time. The
// caller closes the evidence.
func Gather(ctx context.Context, files *Files, opts Options) (*Evidence, error) {
	opts.complete()
	k, err := newKeeper(ctx, files, &opts)
	if err != nil {
		return nil, err
	}
	e, err := foldAll(ctx, files, &opts, k)
	if err != nil {
		return nil, errors.Join(err, k.close())
	}
	return e, nil
}

// complete sets what was left out.
func (o *Options) complete() {
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	o.waits = o.waits || o.Store != "" // its place can only be stored once its line break is there
}

func foldAll(ctx context.Context, files *Files, opts *Options, k keeper) (*Evidence, error) {
	if err := foldLogs(ctx, files, opts, k); err != nil {
		return nil, err
	}
	fold := k.fold()
	fold.settle()
	tallies, err := k.tallies(ctx)
	if err != nil {
		return nil, err
	}
	fold.settle() // what contributors have left over
	return fold.evidence(ctx, tallies)
}

// foldLogs folds all lines of logs.
func foldLogs(ctx context.Context, files *Files, opts *Options, k keeper) error {
	fold := k.fold()
	fold.expect(opts.Dialect)
	files.cutAt(opts.Dialect)
	counts := newCounting(opts, fold)
	if _, anyOrder := counts.(*grouping); anyOrder && files.unpackers == 0 {
		files.unpackers = runtime.GOMAXPROCS(0) / 2 // parsing takes at least as long
	}
	for b, err := range parseAll(ctx, files, opts, counts) {
		if err == nil {
			err = b.useless
		}
		if err != nil {
			return err
		}
		if b.pause {
			counts.drain(fold)
		}
		fold.apply(b)
		b.settle()
		k.note(b)
		if err := errors.Join(fold.check(opts.Memory), settle(ctx, k, counts, b.pause)); err != nil {
			return err
		}
		if opts.Progress != nil {
			opts.Progress(files.read.Load())
		}
		b.block.release()
	}
	counts.drain(fold)
	files.coverage(&fold.Coverage)
	fold.logs = files.logs
	return nil
}

// settle has the keeper settle when that is due: at once, or when all that the
// workers have counted is in the fold.
func settle(ctx context.Context, k keeper, counts counting, drained bool) error {
	if !k.due() || !drained && counts.fill() {
		return nil
	}
	defer counts.settled(k.fold())
	return k.settle(ctx)
}

// A keeper says what becomes of tallies that a fold has summed up.
type keeper interface {
	fold() *Fold
	note(b *batch)                                    // after it was applied
	due() bool                                        // whether there is something to settle
	settle(ctx context.Context) error                 // while the fold holds what all batches say that were noted, and no more
	tallies(ctx context.Context) (tallySource, error) // all of them, with those of contributors
	close() error
}

func newKeeper(ctx context.Context, files *Files, opts *Options) (keeper, error) {
	if opts.Store != "" {
		return newStoreKeeper(ctx, files, opts)
	}
	fold := NewFold(opts.Environment)
	spill := &tallySpill{memory: opts.Memory, table: fold.table}
	if countsBeside(opts) {
		spill.memory /= 2 // the other half is for what is counted beside the fold
	}
	return &spillKeeper{f: fold, spill: spill, beside: opts.Beside}, nil
}

// A spillKeeper keeps tallies in memory and temporary files.
type spillKeeper struct {
	f      *Fold
	spill  *tallySpill
	beside []Contributor
}

func (k *spillKeeper) fold() *Fold { return k.f }

func (k *spillKeeper) note(*batch) {}

func (k *spillKeeper) due() bool { return k.spill.table.bytes >= k.spill.memory }

func (k *spillKeeper) settle(ctx context.Context) error { return k.spill.settle(ctx) }

func (k *spillKeeper) tallies(ctx context.Context) (tallySource, error) {
	return k.spill, k.f.takeIn(ctx, k.beside, k.spill)
}

func (k *spillKeeper) close() error { return k.spill.Close() }

// A batch is what the lines of one block say.
type batch struct {
	Coverage // Parsed and Ignored are not complete before the batch is applied

	block   Block
	whose   string // the path that tells whose log it is
	pause   bool   // there is no block: no other one is on its way
	events  []schemas.Event
	samples []Sample
	dialect Dialect // that parsed it

	// Of a [RecordDialect].
	lines   []countedLine // in order; of those that were scanned, the others are in records
	records []Record      // of those that were read in full
	signs   []sign
	exposed Exposure
	useless error // nothing of the logs can be understood
}

// parse reads the lines of a block. It is safe to be called from many goroutines.
// Its lines are counted by c, as far as that can do it.
func parse(block Block, opts *Options, events []schemas.Event, c blockCounter) *batch {
	b := &batch{block: block, whose: opts.whose(block.File), events: events, dialect: opts.Dialect}
	switch {
	case block.Open && opts.waits:
		b.Unfinished++
	case block.Long:
		b.unparsed(block.Number, errLong)
	case block.Open:
		b.parseText(opts)
	default:
		c.parse(b, opts)
	}
	return b
}

// whose is the path of a file with the host on which it was scanned, for those
// who tell by it whose log it is.
func (o *Options) whose(file string) string {
	if o.host == "" {
		return file
	}
	return o.host + "/" + file
}

// ofFile is how the lines of a block of a file are read.
func (o *Options) ofFile(file string) *Options {
	own := *o
	switch d := o.Dialect.(type) {
	case *mapping:
		own.Dialect = d.inFile(o.whose(file))
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
	if n := len(b.samples); n < maxSamples || number < b.samples[n-1].Line { // groups come late
		b.samples = firstSamples(b.samples, []Sample{{File: b.block.File, Line: number, Reason: reason.Error()}})
	}
}

// A job is a block on its way through a worker.
type job struct {
	block  Block
	err    error
	parsed chan *batch
	resume chan struct{} // instead of a block: no other is fed before it is closed
}

// parseAll parses blocks on all processors and yields the batches in order.
// The number of blocks on their way is bounded.
func parseAll(ctx context.Context, source Source, opts *Options, counts counting) iter.Seq2[*batch, error] {
	return func(yield func(*batch, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		workers := runtime.GOMAXPROCS(0) + 1 // one waits for a block, or for what is counted, every so often
		feed, stop := newFeed(ctx, source, counts, blocksAhead*workers)
		var running sync.WaitGroup
		var pool sync.Pool // of the events of a block
		defer stop()
		defer running.Wait()
		defer cancel()
		for range workers {
			counter := counts.worker()
			running.Go(func() {
				for j := feed.take(ctx); j != nil; j = feed.take(ctx) {
					events, _ := pool.Get().([]schemas.Event)
					b := parse(j.block, opts.ofFile(j.block.File), events[:0], counter)
					b.releaseEarly()
					j.parsed <- b
					runtime.Gosched() // let the batch be folded on this processor
				}
			})
		}
		for j := range feed.order {
			b, err := j.wait(ctx)
			if !yield(b, err) || err != nil {
				return
			}
			if j.resume != nil {
				close(j.resume)
				continue
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
	switch {
	case j.err != nil:
		return nil, j.err
	case j.resume != nil:
		return &batch{pause: true}, nil
	}
	select {
	case b := <-j.parsed:
		return b, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("read logs: %w", ctx.Err())
	}
}

// send is false if nobody will receive.
func send[T any](ctx context.Context, to chan<- T, value T) bool {
	select {
	case to <- value:
		return true
	case <-ctx.Done():
		return false
	}
}

func receive[T any](ctx context.Context, from <-chan T) bool {
	select {
	case <-from:
		return true
	case <-ctx.Done():
		return false
	}
}
