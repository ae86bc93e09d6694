package runtime

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// writeTimeout is how long a client may leave an answer unread.
const writeTimeout = time.Minute

// longAgo is a deadline that has passed.
func longAgo() time.Time { return time.Unix(1, 0) }

// clientConn is a connection of the ingress, as net/http sees it: what the client
// says, out of its TLS. That net/http does not see the TLS itself has a
// reason: on anything but a bare *tls.Conn it tells HTTP/2 by its preface, so
// one kind of connection carries all protocols, and all of HTTP/1 comes by
// here.
type clientConn struct {
	net.Conn
	framing framing
	failed  func(from net.Addr, err error) // told of a handshake
	ahead   []byte                         // was read before
	instead []byte                         // read instead of what the client sent; nil: as it comes
	hasty   atomic.Bool                    // the read deadline is no limit but a way to interrupt
	stall   *time.Timer                    // ends a write that takes too long

	endpoint string // for which a Piko session brought it; empty if none did

	caller     sync.Once
	callerName string
}

// In the place of what follows a line that has to be refused, net/http gets
// one that it answers with 400, in the order of the requests, before it closes
// the connection.
const refusedLine = ":\r\n\r\n"

// tooSlow answers a header that has not come in time, which net/http does
// not do itself.
const tooSlow = "HTTP/1.1 408 Request Timeout\r\nContent-Type: text/plain; charset=utf-8\r\n" +
	"Connection: close\r\nContent-Length: 19\r\n\r\n408 Request Timeout"

// Read implements [net.Conn].
func (c *clientConn) Read(p []byte) (int, error) {
	if c.instead != nil {
		n := copy(p, c.instead)
		c.instead = c.instead[n:]
		if n == 0 {
			return 0, io.EOF
		}
		return n, nil
	}
	n, err := c.read(p)
	end, ok := c.framing.follow(p[:n])
	if !ok {
		c.instead = []byte(refusedLine)
		return end, nil
	}
	if err != nil && n == 0 {
		c.blame(err)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && !c.hasty.Load() && c.framing.unfinished() {
		_, _ = io.WriteString(c, tooSlow) // the client may be gone
	}
	return n, err //nolint:wrapcheck // net/http looks for its kind
}

func (c *clientConn) read(p []byte) (int, error) {
	if len(c.ahead) == 0 {
		return c.Conn.Read(p) //nolint:wrapcheck // net/http looks for its kind
	}
	n := copy(p, c.ahead)
	c.ahead = c.ahead[n:]
	return n, nil
}

// blame tells of a handshake that came to nothing, for another reason than
// that the client went away: net/http does not notice it.
func (c *clientConn) blame(err error) {
	secure, ok := c.Conn.(*tls.Conn)
	if ok && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && !secure.ConnectionState().HandshakeComplete {
		c.failed(c.RemoteAddr(), err)
	}
}

// SetReadDeadline implements [net.Conn].
func (c *clientConn) SetReadDeadline(t time.Time) error {
	c.hasty.Store(t.Equal(longAgo()))
	return c.Conn.SetReadDeadline(t) //nolint:wrapcheck // as it is
}

// Write implements [net.Conn]. A client that takes nothing must not hold an
// answer, its upstream and this process for ever. There is one writer at a
// time.
func (c *clientConn) Write(p []byte) (int, error) {
	if c.stall == nil {
		c.stall = time.AfterFunc(writeTimeout, func() { _ = c.SetWriteDeadline(longAgo()) })
	} else {
		c.stall.Reset(writeTimeout)
	}
	defer c.stall.Stop()
	return c.Conn.Write(p) //nolint:wrapcheck // net/http looks for its kind
}

// writeClose writes p and closes, in one message if the connection can do that.
func (c *clientConn) writeClose(p []byte) error {
	once, ok := c.Conn.(interface{ WriteClose(p []byte) error })
	if !ok || len(p) > maxSingle {
		_, err := c.Write(p)
		return errors.Join(err, c.Close())
	}
	_ = c.SetWriteDeadline(time.Now().Add(writeTimeout)) //nolint:forbidigo // connections know no other clock
	return once.WriteClose(p)                            //nolint:wrapcheck // as it is
}

// CloseWrite lets net/http end an answer before it closes, and an upgraded
// connection be closed on one side.
func (c *clientConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite() //nolint:wrapcheck // as it is
	}
	return nil
}

// upgraded stops looking for HTTP in what the client sends.
func (c *clientConn) upgraded() { c.framing = framing{at: inNothing} }

// certified is the name in the client's certificate: its first URI, such as a
// SPIFFE id, else its first DNS name, else its common name. Empty if there is
// no certificate; one that is there was verified.
func (c *clientConn) certified() string {
	c.caller.Do(func() {
		secure, ok := c.Conn.(*tls.Conn)
		if !ok {
			return
		}
		chain := secure.ConnectionState().PeerCertificates
		switch {
		case len(chain) == 0:
		case len(chain[0].URIs) > 0:
			c.callerName = chain[0].URIs[0].String()
		case len(chain[0].DNSNames) > 0:
			c.callerName = chain[0].DNSNames[0]
		default:
			c.callerName = chain[0].Subject.CommonName
		}
	})
	return c.callerName
}

// connListener makes each connection a [clientConn]. The configuration is asked for
// each time; nil means plain HTTP.
type connListener struct {
	net.Listener
	config func() *tls.Config
	failed func(from net.Addr, err error)
}

// Accept implements [net.Listener].
func (l *connListener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // net/http looks for its kind
	}
	if config := l.config(); config != nil {
		accepted = tls.Server(accepted, config)
	}
	return &clientConn{Conn: accepted, failed: l.failed}, nil
}
