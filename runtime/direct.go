package runtime

import (
	"context"
	"errors"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// direct sends requests without a body over plain HTTP/1.1 connections of its
// own, on the goroutine that serves them. http.Transport has two goroutines
// per connection, and handing each request to one and each answer to the
// other costs as much as the rest of a proxied request. It is for everything
// that is not needed here: bodies, upgrades, TLS, HTTP/2.
type direct struct {
	dialer *net.Dialer
	addr   string // host:port
	idle   idleConns
}

// isDirect reports whether a request is one of the plain ones: it can be sent
// again, has no body and asks for nothing of the connection.
func isDirect(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead ||
		r.ContentLength != 0 || r.ProtoMajor != 1 || r.Host == "" || strings.Contains(r.Host, "%") {
		return false
	}
	for _, name := range [...]string{"Upgrade", "Expect", "Te", "Trailer"} {
		if _, ok := r.Header[name]; ok {
			return false
		}
	}
	for _, option := range r.Header["Connection"] {
		if !strings.EqualFold(option, "keep-alive") && !strings.EqualFold(option, "close") {
			return false
		}
	}
	return true
}

// exchange sends a request and reads the header of its answer. The rest of
// the answer is read from the connection, which then goes to end or drop.
func (d *direct) exchange(w http.ResponseWriter, r *http.Request, target string, patience time.Duration) (*conn, *http.Response, error) {
	deadline := time.Now().Add(patience) //nolint:forbidigo // connections know no other clock
	for {
		c, err := d.take(r.Context(), deadline)
		if err != nil {
			return nil, nil, err
		}
		resp, err := c.exchange(w, r, target)
		if err == nil {
			return c, resp, nil
		}
		d.drop(c)
		switch {
		case r.Context().Err() != nil:
			return nil, nil, context.Cause(r.Context())
		case !c.used || c.begun || isTimeout(err):
			return nil, nil, err
		}
		// The upstream closed an idle connection at the moment it was used.
		// Nothing of an answer was seen, so the request may be sent again.
	}
}

// take returns a connection on which the next byte read belongs to the answer
// of the next request.
func (d *direct) take(ctx context.Context, deadline time.Time) (*conn, error) {
	c := d.idle.pop()
	for c != nil && (c.SetDeadline(deadline) != nil || !c.quiet()) {
		_ = c.Close()
		c = d.idle.pop()
	}
	if c == nil {
		var err error
		if c, err = d.dial(ctx, deadline); err != nil {
			return nil, err
		}
	}
	c.unwatch = context.AfterFunc(ctx, c.interrupt)
	return c, nil
}

func (d *direct) dial(ctx context.Context, deadline time.Time) (*conn, error) {
	dialling, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	inner, err := d.dialer.DialContext(dialling, "tcp", d.addr)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err //nolint:wrapcheck // it names the address
	}
	if err := inner.SetDeadline(deadline); err != nil {
		return nil, errors.Join(err, inner.Close())
	}
	return newConn(inner)
}

// end takes a connection back whose answer was read to its end.
func (d *direct) end(c *conn, resp *http.Response) {
	// A context that has ended may still be about to interrupt.
	if !c.unwatch() || resp.Close || c.reader.Buffered() > 0 {
		_ = c.Close()
		return
	}
	c.used, c.begun = true, false
	d.idle.push(c)
}

// drop closes a connection in the middle of an answer.
func (*direct) drop(c *conn) {
	c.unwatch()
	_ = c.Close()
}

// serveDirect forwards a request that [isDirect]. What clients and upstreams
// see is as if httputil.ReverseProxy had done it.
func (u *upstream) serveDirect(w http.ResponseWriter, r *http.Request) {
	d := u.pool.direct
	c, resp, err := d.exchange(w, r, joinTarget(u.target, r.RequestURI), u.patience(r))
	if err != nil {
		u.fail(w, r, err)
		return
	}
	if c.lasts {
		c.follow(u.ended)
	}
	announced := answerHeader(w, resp)
	if err := u.copyBody(w, resp); err != nil {
		d.drop(c)
		panic(http.ErrAbortHandler) //nolint:forbidigo // how net/http is told to cut off what was not whole
	}
	answerTrailer(w, resp, announced)
	d.end(c, resp)
}

// answerHeader begins the answer, and returns the number of trailers that it
// announces.
func answerHeader(w http.ResponseWriter, resp *http.Response) (announced int) {
	removeHops(resp.Header)
	header := w.Header()
	maps.Copy(header, resp.Header)
	if len(resp.Trailer) > 0 {
		names := slices.Sorted(maps.Keys(resp.Trailer))
		header.Add("Trailer", strings.Join(names, ", "))
	}
	w.WriteHeader(resp.StatusCode)
	return len(resp.Trailer)
}

// removeHops takes out what is for this connection only, as RFC 9110 section
// 7.6.1 says, and as httputil does.
func removeHops(header http.Header) {
	for _, options := range header["Connection"] {
		for name := range strings.SplitSeq(options, ",") {
			header.Del(strings.Trim(name, " \t"))
		}
	}
	for _, name := range [...]string{
		"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade",
	} {
		delete(header, name)
	}
}

// copyBody copies the body of an answer. Streams go out as they come.
func (u *upstream) copyBody(w http.ResponseWriter, resp *http.Response) error {
	if resp.Body == http.NoBody {
		return nil
	}
	flush := func() error { return nil }
	if isStream(resp) {
		flush = http.NewResponseController(w).Flush
	}
	buf := u.buffers.Get()
	defer u.buffers.Put(buf)
	for {
		if err := flush(); err != nil {
			return err
		}
		n, err := resp.Body.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err //nolint:wrapcheck // nobody reads it
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err //nolint:wrapcheck // nobody reads it
		}
	}
}

// isStream reports whether an answer may come in parts, with time in between.
func isStream(resp *http.Response) bool {
	if resp.ContentLength == -1 {
		return true
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return kind == "text/event-stream"
}

// answerTrailer ends the answer. Trailers that the header did not announce
// need the prefix.
func answerTrailer(w http.ResponseWriter, resp *http.Response, announced int) {
	if len(resp.Trailer) == 0 {
		return
	}
	_ = http.NewResponseController(w).Flush() // else a short body would get a length, and no trailers
	prefix := http.TrailerPrefix
	if len(resp.Trailer) == announced {
		prefix = ""
	}
	for name, values := range resp.Trailer {
		w.Header()[prefix+name] = values
	}
}
