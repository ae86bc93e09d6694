package runtime

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"lockstep/schemas"
)

// A generation is one version of a listener, from when it is first served
// until the last request that it let in has ended. A new one begins when the
// entry of the listener changes, or what its callers are judged by; any other
// change leaves it alone.
type generation struct {
	listenerID
	backend *backend
	callers string // digest of what its callers are judged by
	auth    *auth  // likewise; nil if they are not

	drain      *drain
	underWay   atomic.Int64
	superseded atomic.Bool // by a version without it

	ended context.Context // done when nothing that it let in may go on
	end   context.CancelFunc
}

func newGeneration(id listenerID, made *backend, callers string, a *auth, d *drain) *generation {
	g := &generation{listenerID: id, backend: made, callers: callers, auth: a, drain: d}
	g.ended, g.end = context.WithCancel(context.Background())
	return g
}

// enter and leave bracket a request. No request is lost between reading the
// snapshot and entering: one that comes too late says so itself.
func (g *generation) enter() {
	g.underWay.Add(1)
	if g.superseded.Load() {
		g.drain.add(g)
	}
}

func (g *generation) leave() { g.underWay.Add(-1) }

// errRevoked says that what let a stream in was taken back.
var errRevoked = errors.New("what let the request in was taken back")

// follow has a request end with its generation. It takes a lock, which is why
// only those that last come here.
func (g *generation) follow(request context.Context, cancel func(cause error)) {
	stop := context.AfterFunc(g.ended, func() { cancel(errRevoked) })
	context.AfterFunc(request, func() { stop() })
}

// stricter reports whether next would refuse requests that the generation has
// let in, or must not lead them where it does.
func (g *generation) stricter(next *snapshot, now time.Time) bool {
	successor := next.upstream(g.listenerID)
	switch {
	case successor == nil: // the listener is gone
		return true
	case g.backend.insecure(now) && !successor.backend.insecure(now):
		return true
	default:
		return successor.auth.stricter(g.auth, now)
	}
}

// lasting is after how long an answer counts as a stream. What takes less
// than the least max_stream_age needs no watching.
const lasting = schemas.MinStreamAge

// A deadline watches over one request: until its answer begins, by the
// timeout of the listener, and from then on by what becomes of its generation.
type deadline struct {
	generation *generation
	answered   atomic.Bool
	timer      *time.Timer
}

// deadlineKey is where a request carries its deadline.
type deadlineKey struct{}

// newDeadline starts to watch over the request of ctx, which cancel ends.
func newDeadline(ctx context.Context, cancel func(cause error), timeout time.Duration, g *generation) *deadline {
	d := &deadline{generation: g}
	d.timer = time.AfterFunc(timeout, func() {
		if d.answered.Load() {
			g.follow(ctx, cancel)
			return
		}
		cancel(errTimeout)
	})
	return d
}

// answer notes that the answer has begun. It has its moment even if its
// generation has ended meanwhile, or an answer to a long poll would be cut
// whenever it is not copied at once.
func (d *deadline) answer() {
	d.answered.Store(true)
	d.timer.Reset(lasting)
}

// stricter reports whether a would refuse now some of those that old let in.
func (a *auth) stricter(old *auth, now time.Time) bool {
	if a == nil {
		return false
	}
	a = a.at(now)
	if !a.strict() || old == nil {
		return a.strict()
	}
	old = old.at(now)
	if a.app != old.app || a.share > old.share || (a.headers && !old.headers) {
		return true
	}
	for id, keys := range a.reachable() {
		if keys != nil && keys.enforce.stricter(old.apps[id]) {
			return true
		}
	}
	for method := range old.methods {
		if !a.methods[method] {
			return true
		}
	}
	return false
}

// stricter reports whether the enforced keys leave out one that counted before.
func (s *keySet) stricter(before *appKeys) bool {
	switch {
	case len(s.keys) == 0:
		return false
	case before == nil || len(before.enforce.keys) == 0:
		return true
	}
	for fingerprint := range before.enforce.prints {
		if !s.prints[fingerprint] {
			return true
		}
	}
	return s.share > before.enforce.share
}
