package runtime

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"lockstep/schemas"
)

// A client of HTTP/2 may have this many requests under way on a connection,
// and is asked for a sign of life after this long without one.
const (
	maxStreams  = 250
	pingTimeout = 30 * time.Second
)

// serve opens the ingress.
func (s *Server) serve(ctx context.Context) error {
	l, err := listen(ctx, s.opts.Listen, s.opts.Logger)
	if err != nil {
		return fmt.Errorf("ingress: %w", err)
	}
	g := &ingress{listener: l, current: &s.current, recorder: s.recorder, replays: newReplays(maxReplays), now: s.opts.Now, logger: s.opts.Logger}
	g.setUp(s.current.Load().limits)
	s.ingress = g
	done := l.serve(g, s.opts.Logger)
	s.tunnel = s.openTunnel(g)
	s.onStop("ingress", func(ctx context.Context) error {
		err := g.leave(ctx, s.current.Load(), s.tcp, s.tunnel)
		<-done
		s.current.Load().retire(&snapshot{})
		return err
	})
	return nil
}

// setUp makes the listener one for strangers: all protocols, and limits.
func (g *ingress) setUp(limits schemas.Limits) {
	if g.Listener != nil {
		g.Listener = &connListener{
			Listener: g.Listener, config: func() *tls.Config { return g.current.Load().tlsConfig() }, failed: g.handshakeFailed,
		}
	}
	g.server.Protocols = protocols()
	g.server.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: maxStreams, SendPingTimeout: pingTimeout}
	g.server.MaxHeaderBytes = limits.HeaderLimit()
	g.server.ReadHeaderTimeout = limits.HeaderTime()
	g.server.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, c)
	}
	g.server.ConnState = g.track
}

func (g *ingress) handshakeFailed(from net.Addr, err error) {
	if skipped, ok := g.warned.allow(g.now()); ok {
		g.logger.Warn("TLS handshake failed", "from", from.String(), "error", err, "not_logged_before", skipped)
	}
}

// connKey is where a request finds its [clientConn].
type connKey struct{}

// track follows the life of connections.
func (g *ingress) track(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		g.open.Add(1)
	case http.StateClosed:
		g.open.Add(-1)
	case http.StateHijacked:
		g.open.Add(-1)
		if c, ok := c.(*clientConn); ok {
			c.upgraded()
		}
	case http.StateActive, http.StateIdle:
	}
}

// leave ends the ingress in three steps, so that no client loses a request. At
// first it goes on as before, but that every answer announces the end of its
// connection: a client that is told takes another node, while one whose
// connection just closes may be sending at that moment. Sessions with a Piko
// server meanwhile close where no request is lost. Then it accepts nothing more
// and gives what is under way, upgraded connections too, the grace period. Then
// it cuts.
func (g *ingress) leave(ctx context.Context, last *snapshot, others *tcpServer, through *tunnel) error {
	g.leaving.Store(true)
	farewell, cancel := context.WithTimeout(ctx, last.farewell)
	through.leave(farewell)
	g.wait(farewell, func() bool { return g.open.Load() == 0 })
	cancel()
	grace, cancel := context.WithTimeout(ctx, last.grace)
	defer cancel()
	tcp := make(chan error, 1)
	go func() { tcp <- others.stop(grace) }()
	err := g.server.Shutdown(grace)
	g.wait(grace, g.idle)
	if err == nil && g.singles.underWay() {
		err = grace.Err()
	}
	if err != nil {
		cut := schemas.Hint(fmt.Errorf("requests were cut off: %w", err), "raise grace_period in the config if they may take longer than "+last.grace.String())
		err = errors.Join(cut, g.server.Close())
	}
	err = errors.Join(err, <-tcp)
	g.cut()
	through.cut()
	end, cancel := context.WithTimeout(ctx, drainLimit)
	defer cancel()
	g.wait(end, g.idle)
	return err
}

// idle reports whether all handlers have returned, which those of upgraded
// connections and of requests that were cut off do on their own time, and the
// answers that net/http does not wait for are sent.
func (g *ingress) idle() bool { return g.underWay.Load() == 0 && !g.singles.underWay() }

// How often wait looks, and how long handlers may take that were cut off.
const (
	drainPoll  = 5 * time.Millisecond
	drainLimit = 5 * time.Second
)

// wait waits until a condition holds or ctx ends.
func (g *ingress) wait(ctx context.Context, holds func() bool) {
	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
