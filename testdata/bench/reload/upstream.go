package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// An upstream answers each request with its name, and echoes WebSockets.
type upstream struct {
	name     string
	addr     string
	server   *http.Server
	accepted atomic.Int64 // connections
}

// slowFor is how long a request for slowTarget takes.
const (
	slowFor    = 30 * time.Millisecond
	slowTarget = "/slow"
)

func startUpstream(ctx context.Context, name string) (*upstream, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	u := &upstream{name: name, addr: l.Addr().String()}
	u.server = &http.Server{
		Handler: u, ReadHeaderTimeout: time.Minute,
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				u.accepted.Add(1)
			}
		},
	}
	go func() { _ = u.server.Serve(l) }() // ends with stop
	return u, nil
}

func (u *upstream) stop() { _ = u.server.Close() }

// ServeHTTP implements [http.Handler]. Its answers have 64 bytes.
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case websocket.IsWebSocketUpgrade(r):
		u.echo(w, r)
		return
	case r.URL.Path == slowTarget:
		time.Sleep(slowFor)
	}
	_, _ = io.WriteString(w, u.name+strings.Repeat(".", 64-len(u.name)))
}

func (u *upstream) echo(w http.ResponseWriter, r *http.Request) {
	conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return // the client sees it
	}
	defer conn.Close()
	for {
		kind, text, err := conn.ReadMessage()
		if err != nil || conn.WriteMessage(kind, text) != nil {
			return
		}
	}
}
