package pikolink

import (
	"encoding/binary"
	"runtime"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// outbox makes messages of what yamux writes piece by piece: a header here, a
// body there, the end of a stream. What is written while a message is on its
// way goes out as the next one, so a busy session needs a fraction of the
// system calls. What can wait goes along with what comes next: a message costs
// the server as much as it costs us.
type outbox struct {
	ws *websocket.Conn

	mu      sync.Mutex
	work    sync.Cond // there is something to send, and nobody who does
	room    sync.Cond // there is less of it
	pending []byte
	spare   []byte // the buffer of the last message
	urgent  bool   // some of what is pending cannot wait
	sending bool
	closing bool // send what is pending, and end
	err     error

	body  int // bytes that belong to the header written last
	held  int // writers that are about to write more
	timed bool
	late  *time.Timer // ends the wait

	ended chan struct{} // closed when nothing is sent any more
}

// maxPending is how many bytes may wait to be sent; then writers wait.
const maxPending = 256 << 10

// maxWait is how long what can wait does.
const maxWait = 5 * time.Millisecond

func newOutbox(ws *websocket.Conn) *outbox {
	o := &outbox{ws: ws, ended: make(chan struct{})}
	o.work.L, o.room.L = &o.mu, &o.mu
	o.late = time.AfterFunc(maxWait, o.hurry)
	o.late.Stop()
	go o.run()
	return o
}

// Write implements [io.Writer]. An error is that of an earlier message.
func (o *outbox) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.pending) > maxPending && o.err == nil {
		o.room.Wait()
	}
	if o.err != nil {
		return 0, o.err
	}
	o.pending = append(o.pending, p...)
	if o.waits(p) || o.held > 0 && len(o.pending) < maxKept {
		o.wait()
	} else {
		o.hasten()
	}
	return len(p), nil
}

// waits reports whether a piece is the bare consent to a stream, which its
// first answer can carry, or the header of data that follow.
func (o *outbox) waits(p []byte) bool {
	if o.body > 0 {
		o.body -= len(p)
		return false
	}
	if len(p) != headerBytes {
		return false
	}
	if p[1] == frameData {
		o.body = int(binary.BigEndian.Uint32(p[8:]))
		return o.body > 0
	}
	const consent = 2 // ACK, and neither FIN nor RST
	return p[1] == frameWindow && binary.BigEndian.Uint16(p[2:]) == consent && binary.BigEndian.Uint32(p[8:]) == 0
}

// wait has what is pending sent after a while.
func (o *outbox) wait() {
	if !o.timed {
		o.timed = true
		o.late.Reset(maxWait)
	}
}

// hurry ends the wait.
func (o *outbox) hurry() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.timed = false
	o.hasten()
}

// hasten has what is pending sent as soon as nothing else is.
func (o *outbox) hasten() {
	if len(o.pending) > 0 {
		o.urgent = true
		o.work.Signal()
	}
}

// hold has what is written wait until release, as the writer has more to say.
func (o *outbox) hold() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held++
}

// release sends what is pending, unless somebody else does or has more to say:
// handing it over would cost more.
func (o *outbox) release() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held--
	if o.held == 0 {
		o.yield()
	}
	switch {
	case o.held > 0:
		o.wait()
	case o.sending || o.closing || o.err != nil || len(o.pending) == 0:
		o.hasten()
	default:
		o.send()
	}
}

// yield lets those go first who are about to write more.
func (o *outbox) yield() {
	o.mu.Unlock()
	runtime.Gosched()
	o.mu.Lock()
}

// run sends until it is closed or cannot any more.
func (o *outbox) run() {
	defer close(o.ended)
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.err == nil {
		for (!o.urgent || o.sending) && !o.done() {
			o.work.Wait()
			o.yield()
		}
		if o.done() && len(o.pending) == 0 {
			return
		}
		if !o.sending {
			o.send()
		}
	}
}

// done reports whether all has been said and nobody sends.
func (o *outbox) done() bool { return o.err != nil || o.closing && !o.sending }

// send sends what is pending as one message.
func (o *outbox) send() {
	message := o.pending
	o.pending, o.spare, o.urgent, o.sending = o.spare[:0], nil, false, true
	o.mu.Unlock()
	err := o.ws.WriteMessage(websocket.BinaryMessage, message)
	o.mu.Lock()
	o.sending = false
	if cap(message) <= maxKept {
		o.spare = message
	}
	if err != nil {
		o.err = err
	}
	if o.urgent || o.closing || o.err != nil {
		o.work.Signal()
	}
	o.room.Broadcast()
}

// maxKept is the size in bytes up to which a buffer is kept: a thousand
// sessions that have been busy once would add up.
const maxKept = 16 << 10

// lastWords is how long what is pending may take at the end.
const lastWords = time.Second

// close sends what is pending, and closes the WebSocket.
func (o *outbox) close() error {
	o.mu.Lock()
	o.closing = true
	o.work.Signal()
	o.mu.Unlock()
	defer o.late.Stop()
	late := time.AfterFunc(lastWords, func() { _ = o.ws.Close() })
	defer late.Stop()
	<-o.ended
	return o.ws.Close() //nolint:wrapcheck // as it is
}
