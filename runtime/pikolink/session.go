package pikolink

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/hashicorp/yamux"
)

// A session is one registration of an endpoint.
type session struct {
	*yamux.Session
	out      *outbox
	goneAway <-chan struct{} // closed once the server wants to open no more streams
	waiting  atomic.Int32    // goroutines, for streams
	token    Lifetime        // of the one that it was begun with
}

// connect begins a session.
func connect(ctx context.Context, to *Remote, endpoint string) (*session, error) {
	ws, err := to.dial(ctx, endpoint)
	if err != nil {
		return nil, err
	}
	config := yamux.DefaultConfig()
	config.LogOutput = io.Discard // what it says comes back as an error, too
	w := newWire(ws)
	mux, err := yamux.Client(w, config)
	if err != nil { // the configuration is bad
		_ = w.Close()
		return nil, fmt.Errorf("begin a piko session: %w", err)
	}
	return &session{Session: mux, out: w.outbox, goneAway: w.goneAway, token: to.token}, nil
}

// maxWaiting is how many goroutines wait for streams of one session.
const maxWaiting = 8

// take serves the streams that the server opens. Whoever gets one serves it
// himself, on a stack that has grown, and sees to it that somebody waits for
// the next one.
func (s *session) take(serve func(net.Conn)) {
	for s.waiting.Add(1) <= maxWaiting {
		opened, err := s.AcceptStream()
		if s.waiting.Add(-1) == 0 && err == nil {
			go s.take(serve)
		}
		if err != nil {
			return
		}
		serve(stream{opened, s.out})
	}
	s.waiting.Add(-1)
}

// wait waits for the end of the session, and says why it came.
func (s *session) wait() error {
	<-s.CloseChan()
	for {
		unserved, err := s.AcceptStream()
		if err != nil {
			return err //nolint:wrapcheck // it is shown
		}
		_ = unserved.Close()
	}
}

// retire closes the session at a moment without streams: a Piko server then
// forgets it without losing a request. If there is none within patience, the
// server is asked to open no more streams, of which it fails the next one, and
// the session ends with the last stream, or with ctx.
func (s *session) retire(ctx, patience context.Context) {
	if s.quiet(patience) {
		_ = s.Close()
		return
	}
	_ = s.GoAway() // if it has ended by now, all is well
	go func() {
		s.quiet(ctx)
		_ = s.Close()
	}()
}

// quietPoll is how often the number of streams is looked at.
const quietPoll = 2 * time.Millisecond

// quiet waits for a moment without streams, and reports whether there was one
// before ctx ended.
func (s *session) quiet(ctx context.Context) bool {
	tick := time.NewTicker(quietPoll)
	defer tick.Stop()
	for s.NumStreams() > 0 {
		select {
		case <-tick.C:
		case <-s.CloseChan():
			return true
		case <-ctx.Done():
			return false
		}
	}
	return true
}
