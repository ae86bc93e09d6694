package runtime

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lockstep/runtime/pikolink"
)

// tunnel registers listeners at a Piko server, and takes what comes in through
// it. To the ingress it is one more [net.Listener]. A session is left alone
// unless its endpoint or `connect` changes: where a connection leads to is
// looked up when it comes.
type tunnel struct {
	current *atomic.Pointer[snapshot]
	tcp     *tcpServer
	logger  *slog.Logger
	now     func() time.Time

	singles *singles
	conns   chan net.Conn   // of HTTP, for net/http
	closed  context.Context // to conns
	end     context.CancelFunc

	mu      sync.Mutex
	links   map[listenerID]*pikolink.Listener
	leaving map[*pikolink.Listener]bool
	busy    sync.WaitGroup // one for each link that leaves, and two for the tunnel
}

// openTunnel registers the listeners that are served, if that is asked for.
func (s *Server) openTunnel(g *ingress) *tunnel {
	if !s.opts.Piko {
		return nil
	}
	t := &tunnel{
		current: &s.current, tcp: s.tcp, logger: s.opts.Logger, now: s.opts.Now, conns: make(chan net.Conn),
		links: map[listenerID]*pikolink.Listener{}, leaving: map[*pikolink.Listener]bool{},
	}
	t.closed, t.end = context.WithCancel(context.Background())
	t.singles = newSingles(g, t.hand)
	g.singles = t.singles
	s.metrics.registry.MustRegister(newPikoCollector(t))
	t.busy.Go(func() { g.accept(t, s.opts.Logger) })
	t.settle(s.current.Load())
	t.busy.Go(func() { t.watchToken(s.pace.token) })
	return t
}

// settle has the listeners registered that a snapshot serves, and no others.
func (t *tunnel) settle(now *snapshot) {
	if t == nil || now.piko == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, link := range t.links {
		if !now.serves(id) {
			delete(t.links, id)
			t.dismiss(link, now.leads(id.endpoint))
		}
	}
	for _, l := range now.listeners {
		switch link := t.links[l.listenerID]; {
		case !now.serves(l.listenerID):
		case link != nil:
			link.Move(now.piko.Remote)
		default:
			t.register(l.listenerID, now.piko.Remote)
		}
	}
}

func (t *tunnel) register(id listenerID, at *pikolink.Remote) {
	t.links[id] = pikolink.Listen(id.endpoint, at, pikolink.Options{
		Now: t.now, Logger: t.logger, Take: func(c net.Conn) { t.lead(id, c) },
	})
}

// lead takes a connection to where the snapshot says that is current.
func (t *tunnel) lead(id listenerID, c net.Conn) {
	if to := t.current.Load().forward(id); to != nil {
		t.tcp.take(c, id.endpoint, to)
		return
	}
	if t.closed.Err() != nil {
		_ = c.Close()
		return
	}
	t.singles.serve(&clientConn{Conn: c, endpoint: id.endpoint})
}

// hand gives a connection to net/http.
func (t *tunnel) hand(c *clientConn) {
	select {
	case t.conns <- c:
	case <-t.closed.Done():
		_ = c.Close()
	}
}

// unhurried is how long a session may wait for a moment to close in which no
// request is lost.
const unhurried = 5 * time.Second

// dismiss has a listener leave. Where others serve its endpoint there is no
// hurry; where nobody does, whatever still comes in is refused.
func (t *tunnel) dismiss(link *pikolink.Listener, served bool) {
	t.leaving[link] = true
	t.busy.Go(func() {
		patience, cancel := context.WithTimeout(t.closed, unhurried)
		defer cancel()
		if !served {
			cancel()
		}
		link.Leave(patience)
		<-link.Done()
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.leaving, link)
	})
}

// leave has no more requests come in, until ctx ends without losing one.
func (t *tunnel) leave(ctx context.Context) {
	if t == nil {
		return
	}
	var all sync.WaitGroup
	for _, link := range t.all() {
		all.Go(func() { link.Leave(ctx) })
	}
	all.Wait()
}

// cut ends what is left.
func (t *tunnel) cut() {
	if t == nil {
		return
	}
	t.end()
	var all sync.WaitGroup
	for _, link := range t.all() {
		all.Go(func() { _ = link.Close() })
	}
	all.Wait()
	t.busy.Wait()
}

func (t *tunnel) all() []*pikolink.Listener {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []*pikolink.Listener
	for _, link := range t.links {
		all = append(all, link)
	}
	for link := range t.leaving {
		all = append(all, link)
	}
	return all
}

// statuses tell how the listeners stand with Piko, by name.
func (t *tunnel) statuses() map[string]pikolink.Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make(map[string]pikolink.Status, len(t.links))
	for id, link := range t.links {
		all[id.String()] = link.Status()
	}
	return all
}

// Accept implements [net.Listener].
func (t *tunnel) Accept() (net.Conn, error) {
	select {
	case c := <-t.conns:
		return c, nil
	case <-t.closed.Done():
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener]. Sessions go on, for what is under way.
func (t *tunnel) Close() error {
	t.end()
	return nil
}

// Addr implements [net.Listener].
func (*tunnel) Addr() net.Addr { return pikoAddr{} }

type pikoAddr struct{}

// Network implements [net.Addr].
func (pikoAddr) Network() string { return "piko" }

// String implements [net.Addr].
func (pikoAddr) String() string { return "piko" }

// serves reports whether there is something to lead a listener's requests to.
func (s *snapshot) serves(id listenerID) bool {
	return s.upstream(id) != nil || s.forward(id) != nil
}

// leads reports whether there is something to lead an endpoint's requests to.
func (s *snapshot) leads(endpoint string) bool {
	return slices.ContainsFunc(s.listeners, func(l *standing) bool { return l.endpoint == endpoint && s.serves(l.listenerID) })
}
