package runtime

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"lockstep/schemas"
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
	logger   *slog.Logger
	warned   throttle
	singles  *singles // nil without a Piko server

	underWay atomic.Int64 // requests
	open     atomic.Int64 // connections that were not upgraded
	leaving  atomic.Bool  // each answer announces the end of its connection
}

// ServeHTTP implements [http.Handler].
func (g *ingress) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.underWay.Add(1)
	defer g.underWay.Add(-1)
	if g.leaving.Load() && r.Header["Upgrade"] == nil {
		w.Header().Set("Connection", "close")
	}
	if misleading(r) {
		g.refuse(w, r, http.StatusBadRequest)
		return
	}
	id := endpointOf(r)
	if id == "" {
		answerError(w, r, http.StatusBadRequest, "missing endpoint id")
		return
	}
	current := g.current.Load()
	to := current.routes[id]
	if to == nil {
		answerError(w, r, http.StatusBadGateway, "no available upstreams")
		return
	}
	if len(to.upstreams) == 0 {
		answerError(w, r, http.StatusServiceUnavailable, "listener is held by a fault of its config")
		return
	}
	if to.access != nil {
		var done func()
		w, done = to.access.follow(w, r, g.now)
		defer done()
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
		g.forward(w, r, to, current.limits)
		return
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", to.auth.allow)
	}
	g.refuse(w, r, d.status)
}

// forward passes a request on.
func (g *ingress) forward(w http.ResponseWriter, r *http.Request, to *route, limits schemas.Limits) {
	clean(r.Header)
	switch {
	case r.ContentLength == 0:
	case limits.BodyBytes > 0 && r.ContentLength > limits.BodyBytes:
		answerError(w, r, http.StatusRequestEntityTooLarge, "the body is too large")
		return
	default:
		// Otherwise net/http swallows what is left of a body as soon as
		// the upstream begins to answer.
		_ = http.NewResponseController(w).EnableFullDuplex()
		var end context.CancelCauseFunc
		w, r, end = limitBody(w, r, limits)
		defer end(nil)
	}
	if to.instances.asked(r) {
		to.next().serveInstances(w, r, to.instances)
		return
	}
	to.next().ServeHTTP(w, r)
}

// refuse answers instead of an upstream. Where the request may look different
// to somebody else on this connection, nothing more is read from it.
func (g *ingress) refuse(w http.ResponseWriter, r *http.Request, status int) {
	if status == http.StatusBadRequest && r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
	refuse(w, r, status, g.now())
}
