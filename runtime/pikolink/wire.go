package pikolink

import (
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/gorilla/websocket"
)

// wire is the stream of bytes that the binary messages of a WebSocket make up.
// Where messages begin and end means nothing.
type wire struct {
	*outbox
	message io.Reader // nil between two
	frames  frames

	once     sync.Once
	goneAway chan struct{} // closed once the server wants to open no more streams
}

func newWire(ws *websocket.Conn) *wire {
	return &wire{outbox: newOutbox(ws), goneAway: make(chan struct{})}
}

// Read implements [io.Reader].
func (w *wire) Read(p []byte) (int, error) {
	for {
		if w.message == nil {
			kind, message, err := w.ws.NextReader()
			switch {
			case err != nil:
				return 0, err //nolint:wrapcheck // yamux ends with it
			case kind != websocket.BinaryMessage:
				return 0, fmt.Errorf("message of type %d in a piko session", kind)
			}
			w.message = message
		}
		n, err := w.message.Read(p)
		if err == io.EOF {
			w.message, err = nil, nil
		}
		if n > 0 || err != nil {
			if w.frames.follow(p[:n]) {
				w.once.Do(func() { close(w.goneAway) })
			}
			return n, err //nolint:wrapcheck // yamux ends with it
		}
	}
}

// Close implements [io.Closer].
func (w *wire) Close() error { return w.close() }

// LocalAddr and RemoteAddr give the streams theirs.
func (w *wire) LocalAddr() net.Addr { return w.ws.LocalAddr() }

// RemoteAddr is the address of the Piko server, or of the proxy before it.
func (w *wire) RemoteAddr() net.Addr { return w.ws.RemoteAddr() }
