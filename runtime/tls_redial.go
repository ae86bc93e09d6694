package runtime

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// What one round of handshakes may cost.
const (
	redialParallel = 8  // upstreams at a time
	redialMost     = 64 // addresses of an upstream
)

// A redialer makes a handshake with every address of every upstream that the
// rollout stages, at least once an hour: an idle upstream, and one whose
// connections last for days, would show no certificate otherwise, and a name
// leads requests to the address that answers first.
type redialer struct {
	server  *Server
	resolve func(ctx context.Context, network, host string) ([]netip.Addr, error)
	last    map[*pool]time.Time // when each was dialled
}

// redial starts the rounds.
func (s *Server) redial(ctx context.Context) error {
	r := &redialer{server: s, resolve: s.resolve, last: map[*pool]time.Time{}}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { defer close(done); r.run(ctx) }()
	s.onStop("redial", func(context.Context) error { cancel(); <-done; return nil })
	return nil
}

// run looks often enough to take up a new stage soon.
func (r *redialer) run(ctx context.Context) {
	const looks = 100
	ticker := time.NewTicker(max(r.server.pace.redial/looks, time.Millisecond))
	defer ticker.Stop()
	for {
		r.round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// round dials the upstreams whose turn it is.
func (r *redialer) round(ctx context.Context) {
	s, now := r.server.current.Load(), r.server.opts.Now()
	var workers sync.WaitGroup
	slots := make(chan struct{}, redialParallel)
	last := map[*pool]time.Time{}
	for _, l := range s.listeners {
		if l.upstream == nil || l.upstream.backend.stage.modeAt(now) == schemas.ModeDisabled {
			continue
		}
		made := l.upstream.backend
		if at, dialled := r.last[made.pool]; dialled && now.Sub(at) < r.server.pace.redial && !at.After(now) {
			last[made.pool] = at
			continue
		}
		last[made.pool] = now
		slots <- struct{}{}
		workers.Go(func() {
			defer func() { <-slots }()
			r.all(ctx, made)
		})
	}
	workers.Wait()
	r.last = last
}

// all dials every address of an upstream.
func (r *redialer) all(ctx context.Context, made *backend) {
	host := made.target.Hostname()
	port := cmp.Or(made.target.Port(), "443")
	ctx, cancel := context.WithTimeout(ctx, redialMost*made.spec.Timeout)
	defer cancel()
	addresses, err := r.resolve(ctx, "ip", host)
	if err != nil {
		r.server.opts.Logger.InfoContext(ctx, "the name of a staged upstream leads nowhere", "subject", made.stage.subject)
		return
	}
	d := made.tlsDialer()
	for _, address := range addresses[:min(len(addresses), redialMost)] {
		if h := d.visit(ctx, host, net.JoinHostPort(address.Unmap().String(), port)); h != nil {
			made.handshakes.note(h)
		}
	}
}

// visit makes a handshake with one address; nil if this machine has no way to
// it, as to those of IPv6 from many.
func (d *tlsDialer) visit(ctx context.Context, host, address string) *handshake {
	conn, err := d.dial(ctx, "tcp", address)
	if err != nil {
		h := &handshake{subject: d.stage.subject, address: address, at: d.seen.now(), err: err, reason: schemas.ReasonTLSUnreachable}
		h.mode = d.stage.modeAt(h.at)
		if isTimeout(err) {
			h.reason = schemas.ReasonTLSTimeout
		}
		if errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
			return nil
		}
		return h
	}
	h := d.shake(ctx, conn, host, []string{"h2", "http/1.1"})
	defer h.client.Close() // says goodbye, if it can
	if h.err == nil && h.asked {
		if err := certs.AwaitRefusal(ctx, h.client); err != nil && h.reason == schemas.ReasonNone {
			h.reason = certs.FailureOf(err, h.asked)
		}
	}
	return h
}
