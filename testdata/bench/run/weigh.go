package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// listeners is how many a process has that is weighed.
const listeners = 1000

// A weight is the resident memory of a process, in megabytes.
type weight struct {
	idle   float64
	active float64 // after a request on each listener, which keeps a connection
}

// weigh starts `lockstep run` with 1,000 listeners, all to one upstream.
func (s *stand) weigh(ctx context.Context) (w weight, err error) {
	upstream, err := s.upstream(ctx)
	if err != nil {
		return w, err
	}
	endpoints := make([]string, listeners)
	for i := range endpoints {
		endpoints[i] = fmt.Sprintf("svc-%d", i)
	}
	const policy = "version: 1\nenvironments:\n  bench: {tier: staging}\n"
	const rollout = "version: 1\nenvironment: bench\ntier: staging\nsubjects: {}\n"
	p, err := s.lockstepRun(ctx, "many", upstream, policy, rollout, endpoints...)
	if err != nil {
		return w, err
	}
	time.Sleep(settle)
	if w.idle, err = p.resident(); err != nil {
		return w, err
	}
	for _, id := range endpoints {
		if err := ask(ctx, p.addr, request(id), false); err != nil {
			return w, err
		}
	}
	w.active, err = p.resident()
	return w, err
}

// settle is how long a process is given to hand back what its start took.
const settle = 2 * time.Second

// request is a request to an endpoint that asks for no key.
func request(endpoint string) string {
	return "GET / HTTP/1.1\r\nHost: bench.example.com\r\nX-Piko-Endpoint: " + endpoint + "\r\n\r\n"
}

// ask sends a request; what comes back has to be the upstream's answer, or a
// refusal where one is expected.
func ask(ctx context.Context, addr, request string, refused bool) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	if proxied := resp.StatusCode == http.StatusOK && string(body) == answer; proxied == refused {
		return fmt.Errorf("ask: unexpected answer %d %q", resp.StatusCode, body)
	}
	return nil
}
