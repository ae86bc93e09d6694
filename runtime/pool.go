package runtime

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"lockstep/schemas"
)

// pool holds the connections of one listener to its upstream. It outlives a
// snapshot as long as nothing changes that its connections depend on, so that
// a change of modes costs no handshake.
type pool struct {
	transport *http.Transport
	other     *http.Transport // of the other version of HTTP, see [pool.RoundTrip]
	secure    bool            // the upstream speaks TLS
	direct    *direct         // nil for https
	users     atomic.Int64    // requests under way
	retired   atomic.Bool
}

// poolKey digests what the connections of a listener depend on. TLS counts by
// the content of its files, and only where it is used: Piko ignores it for
// upstreams that are not https.
func poolKey(name string, target *url.URL, l *schemas.Listener, in *inputs) string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%q %q %q %d %+v\n", name, target.Scheme, target.Host, l.Timeout, l.HTTPClient)
	if target.Scheme == "https" {
		fmt.Fprintf(hash, "%t\n", l.TLS.InsecureSkipVerify)
		for _, path := range []string{l.TLS.Cert, l.TLS.Key, l.TLS.RootCAs} {
			c := in.files[path]
			fmt.Fprintf(hash, "%q %d\n", path, len(c.data))
			hash.Write(c.data)
		}
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// newPool sets up connections as the Piko agent does, but for three things.
// No proxy is taken from the environment. Idle connections are kept per host
// as many as in total: Go's default of two is most of the CPU cost of a Piko
// agent. And the timeout holds until the header of the answer has arrived
// instead of its end, see inTime; dialling and handshake have it as their own
// limit too, as they go on without the request that began them. Plain requests
// to plain HTTP have connections of their own, as many again.
func newPool(target *url.URL, l *schemas.Listener, config *tls.Config) *pool {
	dialer := newDialer(l)
	p := &pool{
		transport: newTransport(dialer, l, config), secure: config != nil,
		other: otherVersion(newTransport(dialer, l, config.Clone())),
	}
	if target.Scheme == "http" && isASCII(target.Host) { // http.Transport knows punycode
		p.direct = &direct{
			dialer: dialer, addr: hostPort(target),
			idle: idleConns{limit: l.HTTPClient.MaxIdleConns, timeout: l.HTTPClient.IdleConnTimeout},
		}
	}
	return p
}

func newDialer(l *schemas.Listener) *net.Dialer {
	return &net.Dialer{Timeout: l.Timeout, KeepAlive: l.HTTPClient.KeepAliveTimeout}
}

func newTransport(dialer *net.Dialer, l *schemas.Listener, config *tls.Config) *http.Transport {
	return &http.Transport{
		DialContext:           dialer.DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   l.Timeout,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       l.HTTPClient.IdleConnTimeout,
		MaxIdleConns:          l.HTTPClient.MaxIdleConns,
		MaxIdleConnsPerHost:   cmp.Or(l.HTTPClient.MaxIdleConns, math.MaxInt), // where 0 would mean two
		ForceAttemptHTTP2:     true,                                           // off by default beside a TLS config
		DisableCompression:    true,                                           // what the client asked for is what it gets
	}
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}

// hostPort is the address to dial for an http URL.
func hostPort(target *url.URL) string {
	return net.JoinHostPort(target.Hostname(), cmp.Or(target.Port(), "80"))
}

// acquire and release bracket a request. A connection returns to the pool
// after its request, so the last request closes what retire could not.
func (p *pool) acquire() { p.users.Add(1) }

func (p *pool) release() {
	if p.users.Add(-1) == 0 && p.retired.Load() {
		p.closeIdle()
		time.AfterFunc(abandoned, p.closeIdle)
	}
}

// abandoned is how long HTTP/2 may take to let go of a request that its client
// has given up, which it does after the handler has returned. Until then its
// connection is not idle, and nobody would close it later.
const abandoned = time.Second

// retire closes the pool as soon as nobody uses it.
func (p *pool) retire() {
	p.retired.Store(true)
	p.closeIdle()
}

func (p *pool) closeIdle() {
	p.transport.CloseIdleConnections()
	p.other.CloseIdleConnections()
	if p.direct != nil {
		p.direct.idle.closeAll()
	}
}
