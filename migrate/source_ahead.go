package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// blocksAhead is how many blocks of packed logs are unpacked while others are
// being parsed: each is ready when it is asked for, unless unpacking is what
// takes longest.
const blocksAhead = 8

// An unpacking reads packed logs in goroutines of their own: several side by
// side, if there are.
type unpacking struct {
	*reading

	logs     []*logFile
	next     int // of them, the one to begin with next
	active   int // how many are being unpacked
	blocks   chan unpackedBlock
	stopped  chan struct{}
	running  sync.WaitGroup
	err      error // of the first log that cannot be read
	failedAt int   // its place
}

// An unpackedBlock is what [blockReader.next] returned.
type unpackedBlock struct {
	Block

	err error
	of  int // the place of its log
}

// sideBySide is how many of the logs that come next may be unpacked side by
// side. What unpacks zstd takes too much memory for that.
func (r *reading) sideBySide(logs []*logFile) int {
	n := 1
	for r.unpackers > 1 && n < len(logs) && logs[0].gzipped && logs[n].gzipped && logs[n].state == logUnread {
		n++
	}
	return n
}

// packed yields the blocks of packed logs, those of each in order; false means
// to stop. If some cannot be read, the first of them is told of, when all
// before it were read.
func (r *reading) packed(ctx context.Context, logs []*logFile, yield func(Block, error) bool) bool {
	u := unpacking{reading: r, logs: logs, blocks: make(chan unpackedBlock, blocksAhead), stopped: make(chan struct{})}
	defer u.stop()
	for u.start() {
		b := <-u.blocks
		log, err := logs[b.of], ctx.Err()
		switch {
		case err != nil:
			return yield(Block{}, fmt.Errorf("read %s: %w", log.path, err))
		case errors.Is(b.err, io.EOF):
			log.state, log.ended = logRead, true
			u.active--
			continue
		case log.incomplete(b.err):
			u.moved = true
			u.active--
			continue
		case b.err != nil:
			u.fail(b.of, fmt.Errorf("read %s: %w", log.path, b.err))
			u.active--
			continue
		}
		b.File, b.log, log.from = log.path, log, b.end
		if !yield(b.Block, nil) {
			return false
		}
	}
	return u.err == nil || yield(Block{}, u.err)
}

// start has as many logs unpacked as may be. It reports whether there is
// something to wait for.
func (u *unpacking) start() bool {
	for u.next < len(u.logs) && u.active < max(u.unpackers, 1) && u.err == nil {
		of := u.next
		u.next++
		text, err := u.reopen(u.logs[of])
		switch {
		case err != nil:
			u.fail(of, err)
		case text == nil:
			u.moved = true
		default:
			u.active++
			u.running.Go(func() { u.unpack(of, text) })
		}
	}
	return u.active > 0
}

// unpack reads a log to its end, or to the first error.
func (u *unpacking) unpack(of int, text io.ReadCloser) {
	defer text.Close()
	r := blockReader{in: text, pool: &u.pool, at: u.logs[of].from, begins: u.begins}
	for {
		block, err := r.next()
		select {
		case u.blocks <- unpackedBlock{block, err, of}:
		case <-u.stopped:
			return
		}
		if err != nil {
			return
		}
	}
}

func (u *unpacking) fail(of int, err error) {
	if u.err == nil || of < u.failedAt {
		u.err, u.failedAt = err, of
	}
}

func (u *unpacking) stop() {
	close(u.stopped)
	u.running.Wait()
}
