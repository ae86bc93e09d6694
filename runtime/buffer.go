package runtime

import "sync"

// bufferSize is that of httputil.ReverseProxy, which otherwise allocates a
// buffer for every answer.
const bufferSize = 32 << 10

// buffers implements [httputil.BufferPool].
type buffers struct{ pool sync.Pool }

func newBuffers() *buffers {
	return &buffers{sync.Pool{New: func() any { return new([bufferSize]byte) }}}
}

// Get returns a buffer whose content does not matter.
func (b *buffers) Get() []byte {
	return b.pool.Get().(*[bufferSize]byte)[:]
}

// Put takes back what Get returned.
func (b *buffers) Put(buf []byte) { b.pool.Put((*[bufferSize]byte)(buf)) }
