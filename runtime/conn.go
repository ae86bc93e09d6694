package runtime

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"net/http"
	"syscall"
	"time"
)

// conn is a connection to an upstream. One request at a time has it.
type conn struct {
	net.Conn
	raw    syscall.RawConn
	reader *bufio.Reader
	buf    []byte // of the last request
	left   int    // bytes that may still be read
	used   bool   // it has answered a request before
	begun  bool   // the answer to the request has begun
	lasts  bool   // and most of it is still to come

	unwatch func() bool // ends the watch over the request's context
	look    func(fd uintptr) bool
	silent  bool // the result of look
}

func newConn(inner net.Conn) (*conn, error) {
	socket, ok := inner.(syscall.Conn)
	if !ok {
		return nil, errors.Join(errors.New("not a connection of the system"), inner.Close())
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("connection: %w", errors.Join(err, inner.Close()))
	}
	c := &conn{Conn: inner, raw: raw}
	c.reader = bufio.NewReader(c)
	c.look = c.lookAt
	return c, nil
}

// maxAnswerHeader is the size in bytes up to which the header of an answer is
// read, that of http.Transport. Bodies may be as long as they are.
const maxAnswerHeader = 10 << 20

// errHeaderTooLong is for an upstream whose header does not end.
var errHeaderTooLong = errors.New("the header of the answer is too long")

// Read implements [io.Reader] for the reader of the connection.
func (c *conn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errHeaderTooLong
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	c.begun = c.begun || n > 0
	return n, err //nolint:wrapcheck // a reader
}

// quiet reports whether the connection is open and has nothing to say. What
// an upstream says unasked, such as 408 for an idle connection, would be
// taken for the answer to the next request.
func (c *conn) quiet() bool {
	return c.raw.Read(c.look) == nil && c.silent
}

// lookAt reads without waiting; [syscall.RawConn] wants to know if it is done.
func (c *conn) lookAt(fd uintptr) bool {
	var one [1]byte
	_, err := syscall.Read(int(fd), one[:]) //nolint:gosec // descriptors are small
	c.silent = errors.Is(err, syscall.EAGAIN)
	return true
}

// interrupt ends whatever waits for the connection.
func (c *conn) interrupt() { _ = c.SetDeadline(time.Unix(1, 0)) }

// follow has the connection interrupted when ctx ends too.
func (c *conn) follow(ctx context.Context) {
	stop, unwatch := context.AfterFunc(ctx, c.interrupt), c.unwatch
	c.unwatch = func() bool {
		stopped := stop()
		return unwatch() && stopped
	}
}

// exchange sends a request and reads the header of its answer. Until then the
// deadline holds, after that an answer may take its time.
func (c *conn) exchange(w http.ResponseWriter, r *http.Request, target string) (*http.Response, error) {
	c.buf = appendRequest(c.buf[:0], r, target)
	if _, err := c.Write(c.buf); err != nil {
		return nil, err //nolint:wrapcheck // it names the addresses
	}
	if cap(c.buf) > maxKept {
		c.buf = nil
	}
	resp, err := c.answer(w, r)
	if err != nil {
		return nil, err
	}
	c.left, c.lasts = math.MaxInt, false
	if resp.Body == http.NoBody || resp.ContentLength >= 0 && resp.ContentLength <= int64(c.reader.Buffered()) {
		return resp, nil
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		return nil, err //nolint:wrapcheck // it names the addresses
	}
	c.lasts = true
	return resp, r.Context().Err() // which may have interrupted just before
}

// maxKept is the size in bytes up to which the memory of a request is kept
// with its connection.
const maxKept = 8 << 10

// answer reads the header of the answer. Those that only inform, such as 103,
// are passed on.
func (c *conn) answer(w http.ResponseWriter, r *http.Request) (*http.Response, error) {
	for {
		c.left = maxAnswerHeader
		resp, err := http.ReadResponse(c.reader, r)
		switch {
		case err != nil:
			return nil, fmt.Errorf("read answer: %w", err)
		case resp.StatusCode < 100 || resp.StatusCode == http.StatusSwitchingProtocols:
			return nil, fmt.Errorf("answer with status %d", resp.StatusCode)
		case resp.StatusCode >= 200:
			return resp, nil
		}
		maps.Copy(w.Header(), resp.Header)
		w.WriteHeader(resp.StatusCode)
		clear(w.Header())
	}
}

// appendRequest writes a request as http.Transport does, with one more hop.
// The header has been checked by the server that received it.
func appendRequest(b []byte, r *http.Request, target string) []byte {
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, target...)
	b = append(b, " HTTP/1.1"...)
	b = appendField(b, "\r\nHost", r.Host)
	for name, values := range r.Header {
		switch name {
		case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
			"Transfer-Encoding", "Content-Length", forwardedFor:
			continue
		case "User-Agent":
			if values = values[:1]; values[0] == "" {
				continue
			}
		}
		for _, value := range values {
			b = appendField(b, name, value)
		}
	}
	b = append(b, forwardedFor...)
	b = append(b, ": "...)
	b = appendHops(b, r)
	return append(b, "\r\n\r\n"...)
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

const forwardedFor = "X-Forwarded-For"

// appendHops lists the hops of a request up to here.
func appendHops(b []byte, r *http.Request) []byte {
	for _, hops := range r.Header[forwardedFor] {
		b = append(b, hops...)
		b = append(b, ", "...)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = "unknown" // as RFC 7239 calls it
	}
	return append(b, host...)
}
