package runtime

import (
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// idleConn is a connection that tells whether it is closed.
type idleConn struct {
	net.Conn
	closed atomic.Bool
}

func (c *idleConn) Close() error {
	c.closed.Store(true)
	return nil
}

// TestIdleLimit closes what comes when there are enough, and hands out the
// last one first.
func TestIdleLimit(t *testing.T) {
	t.Parallel()
	i, conns := idleConns{limit: 2}, [3]*idleConn{{}, {}, {}}
	for _, c := range conns {
		i.push(&conn{Conn: c})
	}
	if conns[0].closed.Load() || conns[1].closed.Load() || !conns[2].closed.Load() {
		t.Errorf("the wrong one was closed: %v %v %v", conns[0].closed.Load(), conns[1].closed.Load(), conns[2].closed.Load())
	}
	if i.pop().Conn != conns[1] || i.pop().Conn != conns[0] || i.pop() != nil {
		t.Error("the order is wrong")
	}
}

// TestIdleTimeout closes what rests for the timeout, and not what is in use
// now and then.
func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i, resting, busy := idleConns{timeout: time.Minute}, &idleConn{}, &idleConn{}
		i.push(&conn{Conn: resting})
		i.push(&conn{Conn: busy})
		for range 10 {
			sleep(20 * time.Second)
			c := i.pop()
			if c == nil || c.Conn != busy {
				t.Fatal("the busy connection is gone")
			}
			i.push(c)
		}
		if !resting.closed.Load() || busy.closed.Load() {
			t.Errorf("resting closed: %v, busy closed: %v", resting.closed.Load(), busy.closed.Load())
		}
		sleep(time.Minute)
		if !busy.closed.Load() {
			t.Error("a connection outlived its timeout")
		}
		if i.timer != nil {
			t.Error("the timer runs for nothing")
		}
		i.push(&conn{Conn: &idleConn{}})
		if i.timer == nil {
			t.Error("no timer runs")
		}
		i.closeAll()
		sleep(time.Minute)
	})
}

// sleep waits in a bubble, also for what the passing time brings about.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
