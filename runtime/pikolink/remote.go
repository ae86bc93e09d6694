package pikolink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"lockstep/schemas"
)

// A Remote is a Piko server, and as whom listeners register there.
type Remote struct {
	url     url.URL // of the path that endpoint ids stand below
	header  http.Header
	dialer  websocket.Dialer
	timeout time.Duration
	token   Lifetime
}

// registerPath is where Piko v0.7 and v0.9 take agents.
const registerPath = "/piko/v1/upstream/"

// NewRemote takes what an agent config says below connect. Its TLS files have
// become a tls.Config; nil stands for the defaults. A slash at the end of the
// URL does no harm, while Piko's agent would get 404.
func NewRemote(c schemas.Connect, config *tls.Config) (*Remote, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, fault("url", "is no URL", "write it as in https://piko.example.com:8001")
	}
	switch u.Scheme {
	case "http", "ws":
		u.Scheme = "ws"
	case "https", "wss":
		u.Scheme = "wss"
	default:
		return nil, fault("url", "has no scheme that leads to a piko server", "write http, https, ws or wss, as in https://piko.example.com:8001")
	}
	if u.Host == "" || u.User != nil {
		return nil, fault("url", "has no host, or user information", "write it as in https://piko.example.com:8001, and a token in connect.token")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/")+registerPath, ""
	r := &Remote{
		url: *u, header: http.Header{}, timeout: c.Timeout,
		dialer: websocket.Dialer{TLSClientConfig: config, WriteBufferPool: new(sync.Pool)}, // most sessions are idle
	}
	if !c.Token.Empty() {
		r.header.Set("Authorization", "Bearer "+string(c.Token.Reveal()))
		r.token = lifetimeOf(c.Token.Reveal())
	}
	if c.TenantID != "" {
		r.header.Set("X-Piko-Tenant-Id", c.TenantID)
	}
	return r, r.setProxy(c.ProxyURL)
}

// setProxy has the server reached through a proxy. None is taken from the
// environment, as at Piko's agent.
func (r *Remote) setProxy(text string) error {
	if text == "" {
		return nil
	}
	proxy, err := url.Parse(text)
	if err != nil || proxy.Host == "" || (proxy.Scheme != "http" && proxy.Scheme != "socks5") {
		return fault("proxy_url", "is no URL of a proxy", "write it as in http://proxy.example.com:3128 or socks5://proxy.example.com:1080")
	}
	r.dialer.Proxy = http.ProxyURL(proxy)
	return nil
}

// fault names a key and never its value, which may hold a password.
func fault(key, what, remedy string) error {
	return schemas.Hint(fmt.Errorf("connect.%s %s", key, what), remedy)
}

// dial registers an endpoint.
func (r *Remote) dial(ctx context.Context, endpoint string) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	// The library heeds only the deadline once it is connected.
	watched := func() bool { return true }
	dialer := r.dialer
	dialer.NetDialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			watched = context.AfterFunc(ctx, func() { _ = c.Close() })
		}
		return c, err //nolint:wrapcheck // it names the address
	}
	at := r.url
	at.Path += endpoint
	conn, answer, err := dialer.DialContext(ctx, at.String(), r.header)
	switch stopped := watched(); {
	case err == nil && stopped:
		return conn, nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return nil, unreachable(fmt.Errorf("register at piko: no answer within %s", r.timeout))
	case ctx.Err() != nil:
		return nil, fmt.Errorf("register at piko: %w", ctx.Err())
	case answer == nil:
		return nil, unreachable(fmt.Errorf("register at piko: %w", err))
	default:
		return nil, refusal(answer)
	}
}

// unreachable says what to do about a server that is not reached.
func unreachable(err error) error {
	remedy := "check connect.url, and that the piko server can be reached"
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		remedy = "the server speaks no TLS there: write connect.url with http://, or the port that does"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		remedy = "name the CA of the server in connect.tls.root_cas"
	}
	return schemas.Hint(err, remedy)
}

// A RefusalError is an answer that makes no sense to ask for again: the token
// does not count, does not permit the endpoint, or there is no such endpoint.
type RefusalError struct {
	Status  int
	Message string // in the words of the server
}

// Error tells what the server said.
func (e *RefusalError) Error() string {
	said := fmt.Sprintf("the piko server answers %d %s", e.Status, http.StatusText(e.Status))
	if e.Message != "" {
		said += fmt.Sprintf(" (%q)", e.Message)
	}
	return said
}

// refusal is what an answer other than 101 means. Some are worth another try
// soon; these are the ones that Piko's own agent tries again after.
func refusal(answer *http.Response) error {
	var said struct{ Error string }
	err := json.NewDecoder(io.LimitReader(answer.Body, maxMessage)).Decode(&said)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		said.Error = "" // whatever it is, it is not Piko's
	}
	refused := &RefusalError{Status: answer.StatusCode, Message: said.Error}
	switch answer.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return errors.New(refused.Error())
	case http.StatusUnauthorized, http.StatusForbidden:
		return schemas.Hint(refused, "check connect.token: it may have expired, or not permit this endpoint")
	default:
		return schemas.Hint(refused, "check endpoint_id, and that connect.url is the upstream port of a piko server")
	}
}

// maxMessage is the size in bytes up to which an answer is read.
const maxMessage = 1 << 10
