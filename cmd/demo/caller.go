package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

// secretOfDemo is the access key of the app, made up for the demo.
const secretOfDemo = "2d3f8a1b9c4e4f7a8b6d5c3e1f0a9b8c"

// A caller is one client of the config service. The parameter ip of its
// requests tells it apart, as it does in Apollo.
type caller struct {
	ip     string
	about  string
	secret string // what it signs with; it does not sign if empty
	client *http.Client
}

func newCallers() []*caller {
	callers := []*caller{
		{ip: "10.0.0.1", about: "signs with the key", secret: secretOfDemo},
		{ip: "10.0.0.2", about: "signs with the key", secret: secretOfDemo},
		{ip: "10.0.0.3", about: "signs with a wrong key", secret: "0123456789abcdef0123456789abcdef"},
		{ip: "10.0.0.4", about: "does not sign"},
	}
	for _, c := range callers {
		c.client = &http.Client{Transport: &http.Transport{}, Timeout: 5 * time.Second}
	}
	return callers
}

// target is the request target of the caller's config.
func (c *caller) target() string { return "/configs/" + app + "/default/application?ip=" + c.ip }

// call asks for the config once and returns the status.
func (c *caller) call(ctx context.Context, address string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+c.target(), nil)
	if err != nil {
		return 0, fmt.Errorf("make a request: %w", err)
	}
	request.Host = "config.localhost.example"
	if c.secret != "" {
		headers, err := accesskey.Sign(schemas.NewSecret([]byte(c.secret)), app, c.target(), time.Now())
		if err != nil {
			return 0, fmt.Errorf("sign: %w", err)
		}
		request.Header.Set("Timestamp", headers.Timestamp)
		request.Header.Set("Authorization", headers.Authorization)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("call as %s: %w", c.ip, err)
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// A steadyCaller calls without a pause on one kept-alive connection and
// counts what goes wrong.
type steadyCaller struct {
	*caller
	cancel      context.CancelFunc
	done        sync.WaitGroup
	requests    atomic.Int64
	failed      atomic.Int64
	connections atomic.Int64
}

// startSteady starts a caller that signs correctly.
func startSteady(ctx context.Context, address string) *steadyCaller {
	ctx, cancel := context.WithCancel(ctx)
	s := &steadyCaller{caller: newCallers()[0], cancel: cancel}
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if !info.Reused {
			s.connections.Add(1)
		}
	}}
	s.done.Go(func() {
		for ctx.Err() == nil {
			status, err := s.call(httptrace.WithClientTrace(context.WithoutCancel(ctx), trace), address)
			s.requests.Add(1)
			if err != nil || status != http.StatusOK {
				s.failed.Add(1)
			}
		}
	})
	return s
}

// stop waits for the last request.
func (s *steadyCaller) stop() {
	s.cancel()
	s.done.Wait()
	s.client.CloseIdleConnections()
}
