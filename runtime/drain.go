package runtime

import (
	"sync"
	"sync/atomic"
	"time"
)

// drain knows the generations that were superseded while requests of theirs
// were under way, and ends those that were let in by what has been taken back.
type drain struct {
	current *atomic.Pointer[snapshot]
	now     func() time.Time

	mu   sync.Mutex
	left map[*generation]*ending // nil: it may take as long as it takes
}

// An ending is when a generation ends.
type ending struct {
	at    time.Time
	timer *time.Timer
}

func newDrain(current *atomic.Pointer[snapshot], now func() time.Time) *drain {
	return &drain{current: current, now: now, left: map[*generation]*ending{}}
}

// supersede takes over the generations of old that next, which is current,
// does not go on with, and reconsiders those from before.
func (d *drain) supersede(old, next *snapshot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range old.listeners {
		if l.upstream != nil && next.upstream(l.listenerID) != l.upstream {
			l.upstream.superseded.Store(true)
			d.left[l.upstream.generation] = nil
		}
	}
	for g := range d.left {
		d.judge(g, next)
	}
	d.sweep()
}

// add takes a generation in, or back in, for a request that came to it late.
func (d *drain) add(g *generation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.judge(g, d.current.Load())
}

// judge decides when a generation ends, the earliest time being the one that
// counts.
func (d *drain) judge(g *generation, next *snapshot) {
	e, now := d.left[g], d.now()
	at := now.Add(next.streamAge)
	if next.streamAge > 0 && g.stricter(next, now) && (e == nil || at.Before(e.at)) {
		if e != nil {
			e.timer.Stop()
		}
		e = &ending{at: at, timer: time.AfterFunc(next.streamAge, g.end)}
	}
	d.left[g] = e
}

// sweep forgets the generations that nobody uses any more.
func (d *drain) sweep() {
	for g, e := range d.left {
		if g.underWay.Load() > 0 {
			continue
		}
		if e != nil {
			e.timer.Stop()
		}
		delete(d.left, g)
	}
}

// count is how many generations are not drained yet.
func (d *drain) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweep()
	return len(d.left)
}

// close ends the waiting; what still goes on is the ingress's to end.
func (d *drain) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.left {
		if e != nil {
			e.timer.Stop()
		}
	}
	clear(d.left)
}
