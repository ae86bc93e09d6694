package migrate

import (
	"bytes"
	"errors"
	"io"

	"lockstep/schemas"
)

// blockBytes is how large blocks are, unless a line is longer: large enough
// that handing them on costs nothing, small enough to stay in the cache.
const blockBytes = 256 << 10

// A blockReader cuts a log into blocks.
type blockReader struct {
	in      io.Reader
	pool    *blockPool
	pending []byte // read and not yet returned
	behind  []byte // what was read behind the last block
	at      position
	ended   bool
	begins  func(line string) bool // a record of several lines, see [RecordDialect]; nil if each line is one
}

// next returns the next block; the error is [io.EOF] at the end.
func (r *blockReader) next() (Block, error) {
	for size := blockBytes; ; size *= 2 {
		if err := r.fill(size); err != nil {
			return Block{}, err
		}
		end := r.whole()
		switch {
		case end > 0:
			return r.cut(end), nil
		case len(r.pending) > MaxLine+1:
			return r.skipLine()
		case r.ended && len(r.pending) > 0:
			return r.rest(), nil
		case r.ended:
			r.pool.put(r.pending)
			r.pending = nil
			return Block{}, io.EOF
		}
	}
}

// whole is where the pending lines end that can be returned: behind the last
// one, or before the last record, as more lines of it may come. A record that
// takes more than a block is not waited for.
func (r *blockReader) whole() int {
	end := bytes.LastIndexByte(r.pending, '\n') + 1
	if r.begins == nil || r.ended {
		return end
	}
	for next := end; next > 0; {
		start := bytes.LastIndexByte(r.pending[:next-1], '\n') + 1
		if start > 0 && r.begins(string(r.pending[start:next-1])) {
			return start
		}
		next = start
	}
	if len(r.pending) > blockBytes {
		return end
	}
	return 0
}

// fill reads until size bytes are pending or the log ends.
func (r *blockReader) fill(size int) error {
	if cap(r.pending) < size+textPadding {
		buffer := append(r.pool.get(max(size, len(r.behind))), r.behind...)
		r.pending, r.behind = append(buffer, r.pending...), r.behind[:0]
	}
	for len(r.pending) < size && !r.ended {
		n, err := r.in.Read(r.pending[len(r.pending):size])
		r.pending = r.pending[:len(r.pending)+n]
		if r.ended = errors.Is(err, io.EOF); err != nil && !r.ended {
			return cutOff(err)
		}
	}
	return nil
}

// cutOff says what to do about a packed log that ends in the middle; it leaves
// other errors as they are.
func cutOff(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return schemas.Hint(err, "the packed file ends too early: copy it again, or name the logs without it")
	}
	return err
}

// cut returns the pending lines up to end, where they lie, and keeps what is
// behind them. Where to read on is only asked for then, as what is let go last
// is still in the cache.
func (r *blockReader) cut(end int) Block {
	text := r.pending[:end]
	block := Block{Number: r.at.Lines + 1, Text: view(text), buffer: text[:0], pool: r.pool}
	r.at.advance(text, bytes.Count(text, []byte("\n")))
	block.end = r.at
	r.pending, r.behind = nil, append(r.behind, r.pending[end:]...)
	return block
}

// rest returns the last line, which has no line break.
func (r *blockReader) rest() Block {
	block := Block{Number: r.at.Lines + 1, Text: string(r.pending), Open: true, end: r.at}
	r.pending = r.pending[:0]
	return block
}

// skipLine reads to the end of a line that is too long, and keeps nothing.
func (r *blockReader) skipLine() (Block, error) {
	block := Block{Number: r.at.Lines + 1, Long: true, Open: true, end: r.at}
	for !r.ended || len(r.pending) > 0 {
		end := bytes.IndexByte(r.pending, '\n') + 1
		if end > 0 {
			r.at.advance(r.pending[:end], 1)
			r.pending = r.pending[:copy(r.pending, r.pending[end:])]
			block.Open, block.end = false, r.at
			break
		}
		r.at.advance(r.pending, 0)
		r.pending = r.pending[:0]
		if err := r.fill(blockBytes); err != nil {
			return block, err
		}
	}
	return block, nil
}
