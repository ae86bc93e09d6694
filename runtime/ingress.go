package runtime

import (
	"context"
	"fmt"
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
	replays  *replays
	now      func() time.Time
	underWay atomic.Int64
}

// ServeHTTP implements [http.Handler].
func (g *ingress) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.underWay.Add(1)
	defer g.underWay.Add(-1)
	id := endpointID(r)
	if id == "" {
		answerError(w, r, http.StatusBadRequest, "missing endpoint id")
		return
	}
	to := g.current.Load().routes[id]
	if to == nil {
		answerError(w, r, http.StatusBadGateway, "no available upstreams")
		return
	}
	if len(to.upstreams) == 0 {
		answerError(w, r, http.StatusServiceUnavailable, "listener is held by a fault of its config")
		return
	}
	now := g.now()
	d := decide(to.auth, request{
		method: r.Method, target: r.RequestURI,
		timestamp: r.Header["Timestamp"], authorization: r.Header["Authorization"],
	}, now)
	g.lookForReplay(to, &d, now)
	if d.status != 0 && d.share > 0 && d.share < 100 {
		d.spare(to.auth.identify(r), r.RequestURI)
	}
	if d.outcome != "" {
		g.recorder.record(to, r, &d, now)
	}
	switch d.status {
	case 0:
		if r.ContentLength != 0 {
			// Otherwise net/http swallows what is left of a body as soon as
			// the upstream begins to answer.
			_ = http.NewResponseController(w).EnableFullDuplex()
		}
		to.next().ServeHTTP(w, r)
		return
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", to.auth.allow)
	}
	refuse(w, r, d.status, now)
}

// serve opens the ingress. It stops within the grace period of the config
// that is current then.
func (s *Server) serve(ctx context.Context) error {
	l, err := listen(ctx, s.opts.Listen, s.opts.Logger)
	if err != nil {
		return fmt.Errorf("ingress: %w", err)
	}
	s.ingress = &ingress{listener: l, current: &s.current, recorder: s.recorder, replays: newReplays(maxReplays), now: s.opts.Now}
	done := l.serve(s.ingress, s.opts.Logger)
	s.onStop("ingress", func(ctx context.Context) error {
		grace, cancel := context.WithTimeout(ctx, s.current.Load().grace)
		defer cancel()
		err := l.stop(grace)
		<-done
		s.ingress.drained(ctx)
		s.current.Load().retire(&snapshot{})
		return err
	})
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
