package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// A conn is one connection, over which one request follows the other. Nothing
// is ever sent twice.
type conn interface {
	// exchange sends a request and reads its answer.
	exchange() error
	// leaving reports whether the server has announced that it closes.
	leaving() bool
	Close() error
}

// errAnswer says that an answer came, but not the right one.
var errAnswer = errors.New("wrong answer")

// A client sends requests all the time.
type client struct {
	kind  string
	open  func(ctx context.Context) (conn, error)
	fresh bool // a new connection for each request
	tally
}

// A tally is what a client has met.
type tally struct {
	sent   int
	failed int
	closed int // connections, by the server, with or without a word
	causes map[string]int
}

// think is the time between an answer and the next request.
const think = time.Millisecond

// run sends requests until ctx ends; it finishes the last one.
func (c *client) run(ctx context.Context) {
	var on conn
	for ctx.Err() == nil {
		on = c.call(ctx, on)
		time.Sleep(think)
	}
	if on != nil {
		_ = on.Close()
	}
}

// call sends one request, over a new connection where there is none, and
// returns the connection if it can be used again.
func (c *client) call(ctx context.Context, on conn) conn {
	c.sent++
	if on == nil {
		var err error
		if on, err = c.open(context.WithoutCancel(ctx)); err != nil {
			c.fail(err)
			return nil
		}
	}
	err := on.exchange()
	if err != nil {
		c.fail(err)
	}
	if on.leaving() || (err != nil && !errors.Is(err, errAnswer) && !errors.Is(err, os.ErrDeadlineExceeded)) {
		c.closed++
	}
	if err == nil && !c.fresh && !on.leaving() {
		return on
	}
	_ = on.Close()
	return nil
}

func (c *client) fail(err error) {
	c.failed++
	if c.causes == nil {
		c.causes = map[string]int{}
	}
	c.causes[err.Error()]++
}

// A crowd is clients of all kinds.
type crowd struct {
	clients []*client
	stop    context.CancelFunc
	running sync.WaitGroup
}

// addresses are where a server speaks which protocol.
type addresses struct{ h1, h2 string }

// calm is how long the clients of a server have it to themselves.
const calm = 500 * time.Millisecond

// callAll starts the clients of a server.
func callAll(ctx context.Context, at addresses) *crowd {
	ctx, stop := context.WithCancel(ctx)
	c := &crowd{stop: stop}
	c.add(6, client{kind: "keep-alive", open: openHTTP1(at.h1)})
	c.add(4, client{kind: "fresh", open: openHTTP1(at.h1), fresh: true})
	c.add(3, client{kind: "http/2", open: openHTTP2(at.h2)})
	c.add(3, client{kind: "websocket", open: openWebSocket(at.h1)})
	for _, one := range c.clients {
		c.running.Go(func() { one.run(ctx) })
	}
	time.Sleep(calm)
	return c
}

func (c *crowd) add(n int, pattern client) {
	for range n {
		one := pattern
		c.clients = append(c.clients, &one)
	}
}

// leave stops the clients and sums up what they have met, by kind in order.
func (c *crowd) leave() (kinds []string, sums map[string]*tally) {
	c.stop()
	c.running.Wait()
	sums = map[string]*tally{}
	for _, one := range c.clients {
		if sums[one.kind] == nil {
			kinds = append(kinds, one.kind)
			sums[one.kind] = &tally{causes: map[string]int{}}
		}
		sums[one.kind].join(one.tally)
	}
	return kinds, sums
}

func (t *tally) join(o tally) {
	t.sent, t.failed, t.closed = t.sent+o.sent, t.failed+o.failed, t.closed+o.closed
	for cause, n := range o.causes {
		t.causes[cause] += n
	}
}

// String says what went wrong, the commonest cause first.
func (t *tally) String() string {
	lines := []string{fmt.Sprintf("%8d sent %6d failed %6d closed", t.sent, t.failed, t.closed)}
	byCount := func(a, b string) int { return cmp.Or(cmp.Compare(t.causes[b], t.causes[a]), cmp.Compare(a, b)) }
	for _, cause := range slices.SortedFunc(maps.Keys(t.causes), byCount) {
		lines = append(lines, fmt.Sprintf("%12d × %s", t.causes[cause], cause))
	}
	return strings.Join(lines[:min(3, len(lines))], "\n")
}
