package migrate

import "sync"

// blocksAhead is how many blocks of a packed log are unpacked while others are
// being parsed. Each is ready when it is asked for, unless unpacking is what
// takes longest.
const blocksAhead = 8

// An ahead reads the blocks of a log in a goroutine of its own.
type ahead struct {
	blocks  chan readBlock
	stopped chan struct{}
	running sync.WaitGroup
}

// A readBlock is what [blockReader.next] returned.
type readBlock struct {
	Block

	err error
}

// newAhead begins to read. It has to be stopped before the log is closed.
func newAhead(r *blockReader) *ahead {
	a := &ahead{blocks: make(chan readBlock, blocksAhead), stopped: make(chan struct{})}
	a.running.Go(func() { a.read(r) })
	return a
}

// read reads to the end, or the first error.
func (a *ahead) read(r *blockReader) {
	for {
		block, err := r.next()
		select {
		case a.blocks <- readBlock{block, err}:
		case <-a.stopped:
			return
		}
		if err != nil {
			return
		}
	}
}

// next returns the next block. There is none behind an error.
func (a *ahead) next() (Block, error) {
	b := <-a.blocks
	return b.Block, b.err
}

func (a *ahead) stop() {
	close(a.stopped)
	a.running.Wait()
}
