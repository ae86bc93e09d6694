package runtime

import (
	"context"
	"sync"
	"time"
)

// single is the context of one request on a connection of its own. It costs
// nothing that nobody asks for.
type single struct {
	context.Context // of the ingress
	conn            *clientConn

	mu    sync.Mutex
	over  bool          // the answer is complete
	done  chan struct{} // nil until somebody waits for it
	err   error
	after map[*func()]struct{}
}

// unwatched is how long a request is under way before anybody looks whether its
// client is still there.
const unwatched = 10 * time.Millisecond

// watch ends the request when its client is gone. A client that says more is
// none of a Piko server, and is not listened to.
func (s *single) watch() {
	s.mu.Lock()
	if !s.over {
		_ = s.conn.Conn.SetReadDeadline(time.Time{})
	}
	s.mu.Unlock()
	var more [1]byte
	if _, err := s.conn.Conn.Read(more[:]); err != nil {
		s.end()
	}
}

// settle has nobody look for the client any more, as its connection will close.
func (s *single) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// Value implements [context.Context].
func (s *single) Value(key any) any {
	if key == (connKey{}) {
		return s.conn
	}
	return s.Context.Value(key)
}

// Err implements [context.Context].
func (s *single) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Done implements [context.Context].
func (s *single) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done == nil {
		s.done = make(chan struct{})
		if s.err != nil {
			close(s.done)
		}
	}
	return s.done
}

// AfterFunc is what [context.AfterFunc] and the contexts made of this one look for.
func (s *single) AfterFunc(f func()) (stop func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		go f()
		return func() bool { return false }
	}
	if s.after == nil {
		s.after = map[*func()]struct{}{}
	}
	s.after[&f] = struct{}{}
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		_, waits := s.after[&f]
		delete(s.after, &f)
		return waits
	}
}

// end ends the request.
func (s *single) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	s.err = context.Canceled
	if s.done != nil {
		close(s.done)
	}
	for f := range s.after {
		go (*f)()
	}
	s.after = nil
}
