package runtime

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"lockstep/schemas"
)

// upstream forwards requests to the address of one listener.
type upstream struct {
	name    string // of the listener
	target  *url.URL
	timeout time.Duration
	pool    *pool
	proxy   httputil.ReverseProxy
	buffers *buffers
	logger  *slog.Logger
	now     func() time.Time
	warned  throttle

	*generation
}

func newUpstream(name string, l *schemas.Listener, target *url.URL, p *pool, bufs *buffers, opts *Options) *upstream {
	u := &upstream{name: name, target: target, timeout: l.Timeout, pool: p, buffers: bufs, logger: opts.Logger, now: opts.Now}
	u.proxy = httputil.ReverseProxy{
		Rewrite:        u.rewrite,
		Transport:      p,
		BufferPool:     bufs,
		ModifyResponse: inTime,
		ErrorHandler:   u.fail,
		// Answers of unknown length and event streams are flushed at once anyway.
		ErrorLog: slog.NewLogLogger(opts.Logger.Handler(), slog.LevelDebug),
	}
	return u
}

// ServeHTTP implements [http.Handler].
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.enter()
	defer u.leave()
	u.pool.acquire()
	defer u.pool.release()
	if u.pool.direct != nil && isDirect(r) {
		u.serveDirect(w, r)
		return
	}
	u.serveProxied(w, r, &u.proxy)
}

// serveProxied forwards a request of any kind.
func (u *upstream) serveProxied(w http.ResponseWriter, r *http.Request, proxy *httputil.ReverseProxy) {
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	end := func(cause error) {
		cancel(cause)
		if r.ContentLength != 0 {
			stopReading(w) // or net/http waits for the rest of the body
		}
	}
	d := newDeadline(ctx, end, u.patience(r), u.generation)
	defer d.timer.Stop()
	proxy.ServeHTTP(w, r.WithContext(context.WithValue(ctx, deadlineKey{}, d)))
}

// errTimeout says that an upstream has not begun to answer in time.
var errTimeout = errors.New("timeout")

// inTime ends the timeout of a request whose answer has begun. Everything up
// to here counts, dialling, handshake and the body of the request; what comes
// after may take as long as it takes, or streams and downloads would be cut.
func inTime(response *http.Response) error {
	if d, ok := response.Request.Context().Value(deadlineKey{}).(*deadline); ok {
		d.answer()
	}
	return nil
}

// rewrite sends a request on as it came. The whole target travels in
// URL.Opaque, which net/http writes as it is: any other way re-encodes the
// path or drops parts of the query, and with them the signature.
func (u *upstream) rewrite(p *httputil.ProxyRequest) {
	p.Out.URL = &url.URL{
		Scheme: u.target.Scheme, Host: u.target.Host,
		Opaque: joinTarget(u.target, p.In.RequestURI),
	}
	p.Out.Trailer = p.In.Trailer // filled in once the body has been read
	// ReverseProxy takes out what an untrusted client may have written. The
	// agent does not, and whoever reads it has to know which hops to believe.
	for _, name := range []string{"Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values, ok := p.In.Header[name]; ok {
			p.Out.Header[name] = values
		}
	}
	p.Out.Header.Set(forwardedFor, string(appendHops(nil, p.In)))
}

// joinTarget puts a request target behind the path and query of an addr, as
// httputil.NewSingleHostReverseProxy does in the Piko agent. An addr without
// them leaves the target alone.
func joinTarget(addr *url.URL, target string) string {
	prefix := addr.EscapedPath()
	if (prefix == "" || prefix == "/") && addr.RawQuery == "" {
		return target
	}
	path, query, asked := strings.Cut(target, "?")
	joined := strings.TrimSuffix(prefix, "/") + path
	switch {
	case addr.RawQuery != "" && query != "":
		return joined + "?" + addr.RawQuery + "&" + query
	case asked || addr.RawQuery != "":
		return joined + "?" + addr.RawQuery + query
	default:
		return joined
	}
}

// fail answers a request whose upstream did not.
func (u *upstream) fail(w http.ResponseWriter, r *http.Request, err error) {
	if status, message := bodyFault(r.Context()); status != 0 {
		answerError(w, r, status, message)
		return
	}
	if errors.Is(context.Cause(r.Context()), errTimeout) {
		err = errTimeout
	}
	if !errors.Is(err, context.Canceled) { // else the client went away
		if skipped, ok := u.warned.allow(u.now()); ok {
			u.logger.WarnContext(r.Context(), "upstream failed",
				"listener", u.name, "cause", cause(err), "not_logged_before", skipped)
		}
	}
	switch {
	case isTimeout(err):
		answerError(w, r, http.StatusGatewayTimeout, "upstream timeout")
	case errors.As(err, new(oddInstances)):
		answerError(w, r, http.StatusBadGateway, "the list of config services is not understood")
	default:
		answerError(w, r, http.StatusBadGateway, "upstream unreachable")
	}
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, errTimeout) || errors.As(err, &timeout) && timeout.Timeout()
}

// cause words an upstream's failure for the log. Errors that could quote what
// the upstream or the client sent are not repeated.
func cause(err error) string {
	var (
		dial        *net.OpError
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		alert       tls.AlertError
		hostname    x509.HostnameError
		odd         oddInstances
	)
	switch {
	case isTimeout(err):
		return "timeout"
	case errors.As(err, &certificate), errors.As(err, &hostname), errors.As(err, &alert), errors.As(err, &dial), errors.As(err, &odd):
		return err.Error()
	case errors.As(err, &record):
		return "the upstream does not speak TLS"
	default:
		return "no valid answer"
	}
}
