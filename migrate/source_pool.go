package migrate

import (
	"sync"
	"unsafe"
)

// textPadding is how many bytes behind the text of a block may be read: a
// scanner looks at several at once.
const textPadding = 16

// A blockPool keeps the memory of blocks that were let go, for others. It may be nil.
type blockPool struct {
	mu    sync.Mutex
	spare [][]byte
}

// maxSpare is how many buffers are kept: about as many as blocks are on their way.
const maxSpare = 64

// get returns an empty buffer with room for so many bytes and the padding.
func (p *blockPool) get(size int) []byte {
	if p != nil && size <= blockBytes {
		p.mu.Lock()
		defer p.mu.Unlock()
		if n := len(p.spare); n > 0 {
			buffer := p.spare[n-1]
			p.spare = p.spare[:n-1]
			return buffer
		}
		size = blockBytes
	}
	return make([]byte, 0, size+textPadding)
}

// put takes a buffer back. One that was made for a long line is not kept.
func (p *blockPool) put(buffer []byte) {
	if p == nil {
		return
	}
	if spoilReleased {
		clear(buffer[:cap(buffer)])
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if cap(buffer) == blockBytes+textPadding && len(p.spare) < maxSpare {
		p.spare = append(p.spare, buffer[:0])
	}
}

// release lets the memory of the text go: nobody may look at it any more. A
// block that is not released is left to the collector.
func (b *Block) release() {
	if b.buffer == nil {
		return
	}
	b.pool.put(b.buffer)
	b.buffer, b.Text = nil, ""
}

// releaseEarly lets the memory of the text go as soon as it is parsed, if
// nothing of the batch lies in it: all of its lines were grouped or have numbers.
func (b *batch) releaseEarly() {
	switch b.dialect.(type) {
	case *mapping, LineDialect:
		if len(b.events)+len(b.samples)+len(b.records) == 0 {
			b.block.release()
		}
	}
}

// view is a text that lies where the bytes do; they must not change while it is in use.
func view(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) } //nolint:gosec // it saves a copy of all logs
