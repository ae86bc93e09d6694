package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// ingress takes requests from the network and leads them to the routes of the
// snapshot that is current when they arrive. A request under way keeps its
// snapshot; a connection outlives all of them.
type ingress struct {
	*listener
	current  *atomic.Pointer[snapshot]
	recorder *recorder
	now      func() time.Time
	underWay atomic.Int64
}

// ServeHTTP implements [http.Handler].
func (g *ingress) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.underWay.Add(1)
	defer g.underWay.Add(-1)
	id := endpointID(r)
	if id == "" {
		answerError(w, http.StatusBadRequest, "missing endpoint id")
		return
	}
	to := g.current.Load().routes[id]
	if to == nil {
		answerError(w, http.StatusBadGateway, "no available upstreams")
		return
	}
	now := g.now()
	d := decide(to.auth, request{
		method: r.Method, target: r.RequestURI,
		timestamp: r.Header["Timestamp"], authorization: r.Header["Authorization"],
	}, now)
	if d.outcome != "" {
		g.recorder.record(to, r, &d, now)
	}
	switch d.status {
	case 0:
		if r.ContentLength != 0 {
			// Otherwise net/http swallows what is left of a body as soon as
			// the upstream begins to answer.
			_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2 always is
		}
		to.next().ServeHTTP(w, r)
		return
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", to.auth.allow)
	}
	refuse(w, r, d.status, now)
}

// listener is an HTTP server on an address of its own.
type listener struct {
	net.Listener
	server *http.Server
	cut    context.CancelFunc // ends what a shutdown does not wait for
}

// How long a client may take, where nothing else says.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

// listen binds addr; nothing is accepted before serve.
func listen(ctx context.Context, addr string, logger *slog.Logger) (*listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	return &listener{Listener: ln, cut: cut, server: &http.Server{
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
		// OPTIONS * is for the handler to refuse like any other odd target.
		DisableGeneralOptionsHandler: true,
	}}, nil
}

func (l *listener) addr() string { return l.Addr().String() }

// serve accepts connections until the listener is closed; done is closed then.
func (l *listener) serve(handler http.Handler, logger *slog.Logger) (done <-chan struct{}) {
	l.server.Handler = handler
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		if err := l.server.Serve(l.Listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("no longer accepting connections", "addr", l.addr(), "error", err)
		}
	}()
	return closed
}

// stop takes no more requests and waits until ctx ends for those under way.
func (l *listener) stop(ctx context.Context) error {
	defer l.cut()
	if err := l.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests were cut off: %w", err), l.server.Close())
	}
	return nil
}

// How often drained looks, and when it gives up.
const (
	drainPoll  = 5 * time.Millisecond
	drainLimit = 5 * time.Second
)

// drained waits until the handlers have returned, which those of upgraded
// connections and of requests that were cut off do on their own time.
func (g *ingress) drained(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainLimit)
	defer cancel()
	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	for g.underWay.Load() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
