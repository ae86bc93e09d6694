package runtime

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// singles serves the connections of a Piko server, each of which carries one
// request. For net/http such a connection costs as much as the request: state
// and a goroutine of its own, a second one that looks out for the client, and
// stacks that grow each time. What is not plain goes on to net/http, as does
// all that it would refuse.
type singles struct {
	handler  http.Handler
	base     context.Context   // of requests
	patience time.Duration     // with the header of a request
	others   func(*clientConn) // takes what is not plain
	now      func() time.Time
	logger   *slog.Logger

	buffers sync.Pool // of *singleBuffers
	busy    atomic.Int64
}

func newSingles(g *ingress, others func(*clientConn)) *singles {
	return &singles{
		handler: g, base: g.base, patience: g.server.ReadHeaderTimeout, others: others, now: g.now, logger: g.logger,
	}
}

// underWay reports whether a connection is served.
func (s *singles) underWay() bool { return s != nil && s.busy.Load() > 0 }

// singleBuffers is what a request needs for a while.
type singleBuffers struct {
	in     [maxSingle]byte
	out    [maxSingle]byte
	body   [maxSingle / 2]byte
	parser requestParser
}

// maxSingle is the size in bytes up to which a header is read here, and an
// answer is sent in one piece.
const maxSingle = 4 << 10

// serve serves a connection.
func (s *singles) serve(c *clientConn) {
	s.busy.Add(1)
	defer s.busy.Add(-1)
	b, _ := s.buffers.Get().(*singleBuffers)
	if b == nil {
		b = new(singleBuffers)
	}
	defer s.buffers.Put(b)
	head, err := s.readHead(c, b.in[:])
	if err == nil {
		if r := b.parser.parse(head); r != nil {
			s.answer(c, r, b)
			return
		}
	}
	c.ahead = bytes.Clone(head)
	s.others(c)
}

// errLongHead is for a header that net/http has to read.
var errLongHead = errors.New("the header is long")

// readHead reads up to the end of a header.
func (s *singles) readHead(c *clientConn, buf []byte) (head []byte, err error) {
	_ = c.Conn.SetReadDeadline(time.Now().Add(s.patience)) //nolint:forbidigo // connections know no other clock
	for n := 0; n < len(buf); {
		more, err := c.Conn.Read(buf[n:])
		n += more
		head = buf[:n]
		if bytes.Contains(head, []byte("\r\n\r\n")) || err != nil {
			return head, err //nolint:wrapcheck // net/http will meet it again
		}
	}
	return head, errLongHead
}

// answer has the ingress answer a request.
func (s *singles) answer(c *clientConn, r *http.Request, b *singleBuffers) {
	life := &single{Context: s.base, conn: c}
	r = r.WithContext(life)
	r.RemoteAddr = c.RemoteAddr().String()
	w := &singleAnswer{
		conn: c, bodily: r.Method != http.MethodHead, now: s.now,
		header: http.Header{}, out: b.out[:0], body: b.body[:0],
	}
	look := time.AfterFunc(unwatched, life.watch)
	defer look.Stop()
	defer life.end()
	defer s.cutOff(c)
	s.handler.ServeHTTP(w, r)
	life.settle()
	_ = w.finish() // the client may be gone
}

// cutOff ends a connection in the middle of an answer that fails, as net/http
// does.
func (s *singles) cutOff(c net.Conn) {
	fault := recover()
	if fault == nil {
		return
	}
	_ = c.Close()
	if fault != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
		s.logger.Error("a request was cut off by a bug", "fault", fault, "stack", string(debug.Stack()))
	}
}
