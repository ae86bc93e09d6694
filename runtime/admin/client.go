package admin

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lockstep/schemas"
)

// ErrUnreachable says that nobody answers at the address.
var ErrUnreachable = errors.New("nobody answers")

// A Client asks a running process.
type Client struct {
	addr  string
	base  string
	token schemas.Secret
	http  *http.Client
}

// answerLimit is the size in bytes up to which an answer is read.
const answerLimit = 64 << 20

// NewClient makes a client of the admin address unix:PATH or host:port. Config
// is nil for plain HTTP.
func NewClient(addr string, token schemas.Secret, config *tls.Config) *Client {
	c := &Client{addr: addr, base: "http://" + addr, token: token}
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	if config != nil {
		c.base = "https://" + addr
	}
	if path, isSocket := strings.CutPrefix(addr, "unix:"); isSocket {
		c.base = "http://" + socketHost
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}
	}
	c.http = &http.Client{Transport: transport, Timeout: writeTimeout + 5*time.Second}
	return c
}

// Status asks what is served.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	out := &Status{}
	return out, c.ask(ctx, http.MethodGet, "/v1/status", nil, out)
}

// History asks for the versions that are kept.
func (c *Client) History(ctx context.Context) (*History, error) {
	out := &History{}
	return out, c.ask(ctx, http.MethodGet, "/v1/history", nil, out)
}

// Diff asks what two versions have apart, see [Control].
func (c *Client) Diff(ctx context.Context, from, to int) (*Diff, error) {
	query := url.Values{}
	for name, version := range map[string]int{"from": from, "to": to} {
		if version > 0 {
			query.Set(name, strconv.Itoa(version))
		}
	}
	out := &Diff{}
	return out, c.ask(ctx, http.MethodGet, "/v1/diff?"+query.Encode(), nil, out)
}

// Rollback steps back.
func (c *Client) Rollback(ctx context.Context, r RollbackRequest) (*Outcome, error) {
	out := &Outcome{}
	return out, c.ask(ctx, http.MethodPost, "/v1/rollback", r, out)
}

// Reload has the files read again.
func (c *Client) Reload(ctx context.Context) (*Outcome, error) {
	out := &Outcome{}
	return out, c.ask(ctx, http.MethodPost, "/v1/reload", struct{}{}, out)
}

// ask sends a question, and reads the answer into out.
func (c *Client) ask(ctx context.Context, method, path string, question, out any) error {
	var body bytes.Buffer
	if question != nil {
		if err := json.NewEncoder(&body).Encode(question); err != nil {
			return fmt.Errorf("ask %s: %w", c.addr, err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, &body)
	if err != nil {
		return fmt.Errorf("%w: %s is no address", ErrRequest, c.addr)
	}
	if question != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if !c.token.Empty() {
		request.Header.Set("Authorization", "Bearer "+string(c.token.Reveal()))
	}
	response, err := c.http.Do(request)
	if err != nil {
		return c.unreachable(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return c.unreachable(err)
	}
	return c.understand(response.StatusCode, text, out)
}

// unreachable leaves out what says nothing that addr does not.
func (c *Client) unreachable(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return schemas.Hint(fmt.Errorf("%w at %s: %w", ErrUnreachable, c.addr, err),
		"start `lockstep run` with --admin, and name the same address")
}

// stranger is the error for somebody else at the address.
func (c *Client) stranger(how string) error {
	return schemas.Hint(fmt.Errorf("%w at %s %s", ErrUnreachable, c.addr, how),
		"name the address that `lockstep run --admin` was given, not that of --listen or --metrics")
}

// understand reads an answer, or the error that it is.
func (c *Client) understand(status int, text []byte, out any) error {
	if status == http.StatusOK {
		if err := json.Unmarshal(text, out); err != nil {
			return c.stranger("in words that are understood")
		}
		return nil
	}
	var f failure
	if err := json.Unmarshal(text, &f); err != nil || f.Message == "" {
		return c.stranger(fmt.Sprintf("but with status %d", status))
	}
	err := errors.New(f.Message)
	for _, hint := range f.Hints {
		err = schemas.Hint(err, hint)
	}
	switch status {
	case http.StatusConflict, http.StatusUnauthorized, http.StatusForbidden:
		return &answeredError{err, ErrRefused}
	case http.StatusInternalServerError:
		return err
	}
	return &answeredError{err, ErrRequest}
}

// An answeredError is one of the other side, whose text says its kind already.
type answeredError struct {
	error
	kind error
}

// Unwrap gives the hints.
func (e *answeredError) Unwrap() error { return e.error }

// Is compares the kind.
func (e *answeredError) Is(target error) bool { return target == e.kind }
