package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// ws is a WebSocket, over which each message comes back.
type ws struct {
	*websocket.Conn
	closed bool
}

func openWebSocket(addr string) func(context.Context) (conn, error) {
	return func(ctx context.Context) (conn, error) {
		r := common()
		timestamp, authorization := r.signature()
		dialer := websocket.Dialer{HandshakeTimeout: patience}
		c, resp, err := dialer.DialContext(ctx, "ws://"+addr+r.target, http.Header{
			"X-Piko-Endpoint": {r.endpoint}, "Timestamp": {timestamp}, "Authorization": {authorization},
		})
		if resp != nil {
			_ = resp.Body.Close()
		}
		if err != nil {
			return nil, fmt.Errorf("open: %w", plain(err))
		}
		return &ws{Conn: c}, nil
	}
}

func (w *ws) leaving() bool { return w.closed }

func (w *ws) exchange() error {
	const text = "hello"
	deadline := time.Now().Add(patience)
	_ = w.SetReadDeadline(deadline)  // never fails
	_ = w.SetWriteDeadline(deadline) // never fails
	if err := w.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		return fmt.Errorf("write: %w", plain(err))
	}
	_, got, err := w.ReadMessage()
	if err != nil {
		return fmt.Errorf("read: %w", plain(err))
	}
	if string(got) != text {
		return errAnswer
	}
	return nil
}
