package runtime

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// FuzzSingleRequest has every request that is taken be understood as net/http
// understands it.
func FuzzSingleRequest(f *testing.F) {
	for _, seed := range []string{
		"GET" + plainRequest, "HEAD" + plainRequest,
		"GET http://other/path HTTP/1.1\r\nHost: a:80\r\nConnection: close\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n",
		"GET http://other/path HTTP/1.1\r\nHost: a:8\"\r\nConnection: close\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nHOST: b\r\nConnection: close\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: [::1]\r\nConnection: close, close\r\nPragma: no-cache\r\n\r\n",
		"GET //a%2fb?;&c HTTP/1.1\r\nHost: a\r\nconnection: Close\r\nTimestamp: 1\r\nTimestamp: 2\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length : 5\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		got := new(requestParser).parse(head)
		if got == nil {
			return
		}
		want := asServed(t, head)
		if want == nil {
			t.Fatalf("net/http refuses %q", head)
		}
		for _, r := range []*http.Request{got, want} {
			if r.ContentLength != 0 || r.Body != http.NoBody || r.TransferEncoding != nil || r.TLS != nil {
				t.Errorf("it has a body: %q", head)
			}
		}
		type parts struct {
			Method, Target, Host, Proto, URL string
			Close                            bool
			Header                           http.Header
		}
		of := func(r *http.Request) parts {
			return parts{r.Method, r.RequestURI, r.Host, r.Proto, r.URL.String(), r.Close, r.Header}
		}
		if diff := cmp.Diff(of(want), of(got)); diff != "" {
			t.Errorf("net/http reads %q otherwise (-), ours is +:\n%s", head, diff)
		}
	})
}

// asServed is what a handler of net/http gets; nil if it gets nothing.
func asServed(t *testing.T, text []byte) (got *http.Request) {
	t.Helper()
	server := &http.Server{
		Handler:           http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r }),
		ReadHeaderTimeout: time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		DisableGeneralOptionsHandler: true,
	}
	conn := &recorded{Reader: bytes.NewReader(text), closed: make(chan struct{})}
	_ = server.Serve(&once{conn: conn})
	<-conn.closed
	return got
}

// once is a listener of one connection.
type once struct{ conn net.Conn }

func (l *once) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, net.ErrClosed
	}
	c := l.conn
	l.conn = nil
	return c, nil
}

func (*once) Close() error   { return nil }
func (*once) Addr() net.Addr { return pikoAddr{} }

// recorded is a connection on which a client has said all that it will say.
type recorded struct {
	io.Reader
	closed chan struct{}
}

func (*recorded) Write(p []byte) (int, error)      { return len(p), nil }
func (c *recorded) Close() error                   { close(c.closed); return nil }
func (*recorded) LocalAddr() net.Addr              { return pikoAddr{} }
func (*recorded) RemoteAddr() net.Addr             { return pikoAddr{} }
func (*recorded) SetDeadline(time.Time) error      { return nil }
func (*recorded) SetReadDeadline(time.Time) error  { return nil }
func (*recorded) SetWriteDeadline(time.Time) error { return nil }
