// Package pikolink registers endpoints at a Piko server, as the agent of Piko
// v0.7 and v0.9 does, and takes the connections that come in through it.
//
// The wire is that of Piko: a WebSocket at /piko/v1/upstream/<endpoint>, with
// a bearer token and x-piko-tenant-id where there are any. Its binary messages
// are a stream of bytes that carries yamux, in which the server opens a stream
// for each connection. An HTTP request has a connection of its own.
//
// Where the agent gives up, a [Listener] does not: it registers again for ever,
// whether its session was lost, closed by a server that rebalances, ended
// with the token or told to go away. An answer such as 401 is an error state of
// that one listener.
package pikolink

import (
	"log/slog"
	"net"
	"time"
)

// Options are what a [Listener] is given instead of the ambient world.
type Options struct {
	Now    func() time.Time
	Logger *slog.Logger // of sessions that begin and end

	// Take serves a connection, on a goroutine of its own for as long as it
	// likes. If it is nil, connections are for [Listener.Accept].
	Take func(net.Conn)

	MinBackoff time.Duration // before the second attempt to register; 0: 100ms, as at Piko's agent
	MaxBackoff time.Duration // between any two; 0: 15s, likewise
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MinBackoff == 0 {
		o.MinBackoff = 100 * time.Millisecond
	}
	if o.MaxBackoff == 0 {
		o.MaxBackoff = 15 * time.Second
	}
	return o
}

// A Status is how a listener stands with its Piko server.
type Status struct {
	Up       bool      // it is registered
	Since    time.Time // for how long it has been so or not
	Err      error     // why the last attempt to register failed, or the session ended; nil if it did not
	Sessions int       // that were begun; all but one were reconnects
	Token    Lifetime  // of the one that is in use, or would be if it were registered
}
