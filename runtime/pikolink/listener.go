package pikolink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"lockstep/schemas"
)

// A Listener keeps one endpoint registered. It is a [net.Listener] for the
// connections that come in through Piko.
type Listener struct {
	endpoint string
	opts     Options
	streams  chan net.Conn

	life    context.Context // until Close
	cut     context.CancelFunc
	staying context.Context // until Leave
	leave   context.CancelFunc
	over    chan struct{} // closed when nothing is left

	mu       sync.Mutex
	remote   *Remote
	moved    chan struct{} // closed when remote is another
	current  *session      // nil if there is none
	sessions map[*session]bool
	status   Status
	busy     sync.WaitGroup // one for run, and one for each session
}

// Listen begins to register an endpoint, and returns at once.
func Listen(endpoint string, at *Remote, opts Options) *Listener {
	l := &Listener{
		endpoint: endpoint, opts: opts.withDefaults(), streams: make(chan net.Conn), over: make(chan struct{}),
		remote: at, moved: make(chan struct{}), sessions: map[*session]bool{}, status: Status{Since: opts.Now()},
	}
	l.life, l.cut = context.WithCancel(context.Background())
	l.staying, l.leave = context.WithCancel(l.life)
	if l.opts.Take == nil {
		l.opts.Take = l.offer
	}
	l.busy.Go(l.run)
	go func() { l.busy.Wait(); close(l.over) }()
	return l
}

// Accept implements [net.Listener].
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.streams:
		return c, nil
	case <-l.over:
		return nil, net.ErrClosed
	}
}

// offer leaves a connection to Accept.
func (l *Listener) offer(c net.Conn) {
	select {
	case l.streams <- c:
	case <-l.life.Done():
		_ = c.Close()
	}
}

// Addr implements [net.Listener]: the endpoint id, in the network piko.
func (l *Listener) Addr() net.Addr { return addr(l.endpoint) }

type addr string

func (addr) Network() string  { return "piko" }
func (a addr) String() string { return string(a) }

// Status tells how things stand.
func (l *Listener) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	status := l.status
	status.Token = l.remote.token
	if l.current != nil {
		status.Token = l.current.token
	}
	return status
}

// Move has the endpoint registered at another server or as somebody else. The
// session there begins before the one here is retired; if it cannot begin,
// this one stays.
func (l *Listener) Move(to *Remote) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.remote != to {
		l.remote = to
		close(l.moved)
		l.moved = make(chan struct{})
	}
}

// Leave registers no more, and closes the session at the first moment without
// streams. Where there is none before ctx ends, the server is asked to open no
// more of them, and what is under way goes on until it is done, or Close.
func (l *Listener) Leave(ctx context.Context) {
	l.mu.Lock()
	l.leave()
	var all sync.WaitGroup
	for s := range l.sessions {
		all.Go(func() { s.retire(l.life, ctx) })
	}
	l.mu.Unlock()
	all.Wait()
}

// Done is closed when the listener has left and its last stream has ended.
func (l *Listener) Done() <-chan struct{} { return l.over }

// Close implements [net.Listener]. It cuts off what is under way.
func (l *Listener) Close() error {
	l.mu.Lock()
	l.cut()
	var ended sync.WaitGroup
	for s := range l.sessions {
		ended.Go(func() { _ = s.Close() })
	}
	l.mu.Unlock()
	ended.Wait()
	<-l.over
	return nil
}

// run registers again and again.
func (l *Listener) run() {
	pause := backoff{least: l.opts.MinBackoff, most: l.opts.MaxBackoff}
	for l.staying.Err() == nil {
		to, moved := l.target()
		s, err := connect(l.staying, to, l.endpoint)
		if err != nil {
			l.failed(err)
			if _, refused := errors.AsType[*RefusalError](err); refused {
				pause.next = pause.most
			}
			pause.wait(l.staying, moved)
			continue
		}
		began := l.opts.Now()
		l.begin(s)
		select {
		case <-s.CloseChan():
			if l.opts.Now().Sub(began) > pause.most { // else the server may take it only to drop it
				pause.next = 0
			}
			pause.wait(l.staying, moved)
		case <-s.goneAway:
			l.opts.Logger.Info("the piko server takes leave, registering again", "endpoint", l.endpoint)
		case <-moved:
			pause.next = 0
		case <-l.staying.Done():
		}
	}
}

func (l *Listener) target() (to *Remote, moved <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.remote, l.moved
}

// patience is how long a session that has a successor waits for a moment
// without streams.
const patience = 5 * time.Second

// begin makes a session the current one, and retires the one before.
func (l *Listener) begin(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.staying.Err() != nil {
		_ = s.Close()
		return
	}
	if last := l.current; last != nil {
		l.busy.Go(func() {
			waiting, cancel := context.WithTimeout(l.life, patience)
			defer cancel()
			last.retire(l.life, waiting)
		})
	}
	l.current, l.sessions[s] = s, true
	l.status = Status{Up: true, Since: l.opts.Now(), Sessions: l.status.Sessions + 1}
	l.opts.Logger.Info("registered at piko", "endpoint", l.endpoint)
	go s.take(l.opts.Take)
	l.busy.Go(func() { l.end(s, s.wait()) })
}

// end notes that a session is over.
func (l *Listener) end(s *session, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.sessions, s)
	if l.current != s {
		return
	}
	l.current = nil
	l.status.Up, l.status.Since, l.status.Err = false, l.opts.Now(), fmt.Errorf("the session ended: %w", err)
	if l.staying.Err() == nil {
		l.opts.Logger.Warn("the piko session ended, registering again", "endpoint", l.endpoint, "error", err)
	}
}

// failed notes an attempt that came to nothing; one that fails like the last
// one is not worth a line in the log.
func (l *Listener) failed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.status.Err
	l.status.Err = err
	if l.staying.Err() != nil || before != nil && before.Error() == err.Error() {
		return
	}
	attrs := []any{"endpoint", l.endpoint, "error", err}
	if hints := schemas.Hints(err); len(hints) > 0 {
		attrs = append(attrs, "hints", hints)
	}
	l.opts.Logger.Warn("cannot register at piko, trying again", attrs...)
}
