package runtime

import (
	"sync"
	"time"
)

// idleConns keeps connections that wait for their next request. The last one
// in is the first one out, so that those not needed get old and are closed.
type idleConns struct {
	limit   int           // 0: none
	timeout time.Duration // 0: never

	mu     sync.Mutex
	conns  []*conn
	rested int // how many have not been touched since the last reap
	timer  *time.Timer
}

// push keeps a connection, or closes it if there are enough.
func (i *idleConns) push(c *conn) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.limit > 0 && len(i.conns) >= i.limit {
		_ = c.Close()
		return
	}
	i.conns = append(i.conns, c)
	if i.timer == nil && i.timeout > 0 {
		i.rested = 0
		i.timer = time.AfterFunc(i.timeout/2, i.reap)
	}
}

// pop returns the connection used last, nil if there is none.
func (i *idleConns) pop() *conn {
	i.mu.Lock()
	defer i.mu.Unlock()
	last := len(i.conns) - 1
	if last < 0 {
		return nil
	}
	c := i.conns[last]
	i.conns[last] = nil
	i.conns = i.conns[:last]
	i.rested = min(i.rested, last)
	return c
}

// reap closes what has not been touched since the last time, which is half of
// the timeout ago: no connection is idle for longer than the timeout, and no
// request pays for a look at the clock.
func (i *idleConns) reap() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.cut(i.rested)
	if i.rested = len(i.conns); i.rested == 0 {
		i.timer = nil
		return
	}
	i.timer.Reset(i.timeout / 2)
}

// closeAll closes what is idle now.
func (i *idleConns) closeAll() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.cut(len(i.conns))
	i.rested = 0
}

// cut closes the first n connections, which are the oldest.
func (i *idleConns) cut(n int) {
	for _, c := range i.conns[:n] {
		_ = c.Close()
	}
	kept := copy(i.conns, i.conns[n:])
	clear(i.conns[kept:])
	i.conns = i.conns[:kept]
}
