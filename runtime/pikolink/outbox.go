package pikolink

import (
	"runtime"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// outbox makes messages of what yamux writes piece by piece: a header here, a
// body there, the end of a stream. What is written while a message is on its
// way goes out as the next one, so a busy session needs a fraction of the
// system calls.
type outbox struct {
	ws *websocket.Conn

	mu      sync.Mutex
	changed sync.Cond // of what follows
	pending []byte
	closing bool  // send what is pending, and end
	err     error // why nothing is sent any more

	ended chan struct{} // closed when nothing is sent any more
}

// maxPending is how many bytes may wait to be sent; then writers wait.
const maxPending = 256 << 10

func newOutbox(ws *websocket.Conn) *outbox {
	o := &outbox{ws: ws, ended: make(chan struct{})}
	o.changed.L = &o.mu
	go o.run()
	return o
}

// Write implements [io.Writer]. An error is that of an earlier message.
func (o *outbox) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.pending) > maxPending && o.err == nil {
		o.changed.Wait()
	}
	if o.err != nil {
		return 0, o.err
	}
	o.pending = append(o.pending, p...)
	o.changed.Broadcast()
	return len(p), nil
}

// run sends until it is closed or cannot any more.
func (o *outbox) run() {
	defer close(o.ended)
	var message []byte
	for {
		var more bool
		if message, more = o.next(message); !more {
			return
		}
		if err := o.ws.WriteMessage(websocket.BinaryMessage, message); err != nil {
			o.fail(err)
			return
		}
	}
}

// next waits for something to send, and takes it in exchange for an empty
// buffer. There is nothing more once the outbox is closed.
func (o *outbox) next(empty []byte) (message []byte, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.pending) == 0 && !o.closing {
		o.changed.Wait()
		o.mu.Unlock()
		runtime.Gosched() // whoever is about to write more may do so
		o.mu.Lock()
	}
	message, o.pending = o.pending, empty[:0]
	if cap(o.pending) > maxKept {
		o.pending = nil
	}
	o.changed.Broadcast()
	return message, len(message) > 0
}

// maxKept is the size in bytes up to which a buffer is kept: a thousand
// sessions that have been busy once would add up.
const maxKept = 16 << 10

func (o *outbox) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
	o.changed.Broadcast()
}

// lastWords is how long what is pending may take at the end.
const lastWords = time.Second

// close sends what is pending, and closes the WebSocket.
func (o *outbox) close() error {
	o.mu.Lock()
	o.closing = true
	o.changed.Broadcast()
	o.mu.Unlock()
	late := time.AfterFunc(lastWords, func() { _ = o.ws.Close() })
	defer late.Stop()
	<-o.ended
	return o.ws.Close() //nolint:wrapcheck // as it is
}
