package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// tcpServer serves the listeners with protocol tcp, each at an address of its
// own. A connection is led to where the snapshot says that is current when it
// comes, and from then on lives for itself.
type tcpServer struct {
	current *atomic.Pointer[snapshot]
	logger  *slog.Logger
	now     func() time.Time
	count   *prometheus.GaugeVec
	warned  throttle

	sockets map[string]*tcpSocket // by address; only the applier's goroutine uses it
	failed  map[string]bool       // addresses that could not be opened; likewise

	base context.Context // of all connections
	cut  context.CancelFunc

	mu      sync.Mutex
	stopped bool
	busy    sync.WaitGroup // one for each socket and connection; nothing is added once stopped
}

// A tcpSocket is an open address.
type tcpSocket struct {
	net.Listener
	accepting bool
}

// A tcpRoute leads from an address to the upstreams behind it.
type tcpRoute struct {
	endpoint string
	forwards []*forward // one per listener of the endpoint, at least one
	turn     atomic.Uint32
}

func newTCPServer(s *Server) *tcpServer {
	t := &tcpServer{
		current: &s.current, logger: s.opts.Logger, now: s.opts.Now, count: s.metrics.tcpConnections, sockets: map[string]*tcpSocket{},
	}
	t.base, t.cut = context.WithCancel(context.Background())
	return t
}

// bind opens the addresses that next needs and that are not open yet. One that
// is not to be had is a fault of its listener, which stays where it was.
func (t *tcpServer) bind(ctx context.Context, next, old *snapshot) {
	next.tcp, t.failed = map[string]*tcpRoute{}, map[string]bool{}
	for _, l := range next.listeners {
		if l.forward != nil && l.Err == nil {
			l.Err = t.open(ctx, l.forward.listen)
		}
		if l.forward != nil && l.Err == nil {
			l.Err = next.addForward(l)
		}
	}
	for _, l := range next.listeners {
		last := old.forward(l.listenerID)
		switch {
		case l.forward == nil:
		case l.Err == nil && last != nil && *last == *l.forward:
			l.Version, l.Updated = old.byID[l.listenerID].Version, old.byID[l.listenerID].Updated
		case l.Err == nil:
		case last == nil || last.listen != "" && t.sockets[last.listen] == nil || !next.canAdd(l.endpoint, last):
			l.forward = nil
		default:
			l.forward, l.Version, l.Updated = last, old.byID[l.listenerID].Version, old.byID[l.listenerID].Updated
			_ = next.addForward(l) // it can
		}
	}
}

func (t *tcpServer) open(ctx context.Context, addr string) error {
	if t.sockets[addr] != nil || addr == "" {
		return nil
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		t.failed[addr] = true
		return fmt.Errorf("tcp: %w", err)
	}
	t.sockets[addr] = &tcpSocket{Listener: ln}
	return nil
}

// retry reports whether an address can be had now that could not before.
func (t *tcpServer) retry(ctx context.Context) bool {
	for addr := range t.failed {
		if t.open(ctx, addr) == nil {
			delete(t.failed, addr)
			return true
		}
	}
	return false
}

// settle begins to accept at the addresses of the snapshot that is current
// now, and closes all others.
func (t *tcpServer) settle(now *snapshot) {
	for addr, socket := range t.sockets {
		switch {
		case now.tcp[addr] == nil:
			_ = socket.Close() // nothing is lost but connections nobody wants
			delete(t.sockets, addr)
		case !socket.accepting:
			socket.accepting = true
			t.busy.Go(func() { t.serve(addr, socket) })
		}
	}
}

// acceptPause is how long a socket rests that cannot accept, as where the
// process has no descriptors left.
const acceptPause = 100 * time.Millisecond

func (t *tcpServer) serve(addr string, socket net.Listener) {
	for {
		c, err := socket.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			t.warn("cannot accept connections", err)
			wait(t.base, acceptPause)
			continue
		}
		route := t.current.Load().tcp[addr]
		if route == nil { // it has just been moved
			_ = c.Close()
			continue
		}
		t.take(c, route.endpoint, route.next())
	}
}

// take leads a connection, also one that came another way than by a socket.
func (t *tcpServer) take(client net.Conn, endpoint string, to *forward) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		_ = client.Close()
		return
	}
	t.busy.Go(func() { t.lead(client, endpoint, to) })
}

// lead connects a client with an upstream, until both are done or everything
// ends.
func (t *tcpServer) lead(client net.Conn, endpoint string, to *forward) {
	defer client.Close()
	open := t.count.WithLabelValues(endpoint)
	open.Inc()
	defer open.Dec()
	dialer := &net.Dialer{Timeout: to.timeout, KeepAlive: to.keepAlive}
	upstream, err := dialer.DialContext(t.base, "tcp", to.addr)
	if err != nil {
		t.warn("upstream failed", err)
		return
	}
	defer upstream.Close()
	defer context.AfterFunc(t.base, func() { _, _ = client.Close(), upstream.Close() })()
	done := make(chan struct{})
	go func() { defer close(done); pump(client, upstream) }()
	pump(upstream, client)
	<-done
}

// pump copies from one connection to the other. The end of what one side says
// is passed on, as the other may still have an answer; an error ends both.
func pump(to, from net.Conn) {
	_, err := io.Copy(to, from)
	half, ok := to.(interface{ CloseWrite() error })
	if err == nil && ok && half.CloseWrite() == nil {
		return
	}
	_, _ = to.Close(), from.Close()
}

func (t *tcpServer) warn(message string, err error) {
	if skipped, ok := t.warned.allow(t.now()); ok {
		t.logger.Warn(message, "error", err, "not_logged_before", skipped) //nolint:sloglint // static at both callers
	}
}

// stop accepts nothing more and waits until ctx ends for what is connected.
func (t *tcpServer) stop(ctx context.Context) error {
	defer t.cut()
	for _, socket := range t.sockets {
		_ = socket.Close()
	}
	clear(t.sockets)
	t.mu.Lock()
	t.stopped = true
	t.mu.Unlock()
	done := make(chan struct{})
	go func() { defer close(done); t.busy.Wait() }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		t.cut()
		<-done
		return fmt.Errorf("tcp connections were cut off: %w", ctx.Err())
	}
}

// next picks an upstream in turn.
func (r *tcpRoute) next() *forward {
	return r.forwards[int(r.turn.Add(1)%uint32(len(r.forwards)))] //nolint:gosec // a config of at most 4 MiB
}

// forward is what serves a tcp listener, nil if nothing does.
func (s *snapshot) forward(id listenerID) *forward {
	if s == nil || s.byID[id] == nil {
		return nil
	}
	return s.byID[id].forward
}

// canAdd reports whether an address is free for an endpoint.
func (s *snapshot) canAdd(endpoint string, f *forward) bool {
	route := s.tcp[f.listen]
	return route == nil || route.endpoint == endpoint
}

// addForward leads connections to what a listener asks for. Listeners of one
// endpoint share its address and its connections.
func (s *snapshot) addForward(l *standing) error {
	addr := l.forward.listen
	if addr == "" {
		return nil
	}
	if !s.canAdd(l.endpoint, l.forward) {
		return fmt.Errorf("tcp: listener %s has the address %s already", s.tcp[addr].endpoint, addr)
	}
	if s.tcp[addr] == nil {
		s.tcp[addr] = &tcpRoute{endpoint: l.endpoint}
	}
	s.tcp[addr].forwards = append(s.tcp[addr].forwards, l.forward)
	return nil
}
