package runtime

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"lockstep/schemas"
)

// route leads from an endpoint id to its upstreams.
type route struct {
	endpoint  string
	auth      *auth // nil if callers do not sign
	policy    schemas.ListenerPolicy
	upstreams []*upstream // one per listener of the id; none if it was never good
	access    *access     // nil if requests are not logged
	turn      *atomic.Uint32
	counters  *authCounters // nil if nothing is checked
	meters    *authMeters   // set where counters are
	instances *instances    // nil if /services/config passes as it is
}

// next picks an upstream in turn: listeners with the same id share the load,
// as they do at a Piko server.
func (r *route) next() *upstream {
	if len(r.upstreams) == 1 {
		return r.upstreams[0]
	}
	return r.upstreams[int(r.turn.Add(1)%uint32(len(r.upstreams)))] //nolint:gosec // a config of at most 4 MiB
}

// endpointOf tells which endpoint a request is for: that of the Piko session
// that brought it, whatever its headers say, or else that of [endpointID].
func endpointOf(r *http.Request) string {
	if endpoint := through(r); endpoint != "" {
		return endpoint
	}
	return endpointID(r)
}

// through is the endpoint of the Piko session that brought a request, empty if
// none did.
func through(r *http.Request) string {
	c, ok := r.Context().Value(connKey{}).(*clientConn)
	if !ok {
		return ""
	}
	return c.endpoint
}

// insecure reports whether any certificate would do for one of the upstreams.
func (r *route) insecure(now time.Time) bool {
	return slices.ContainsFunc(r.upstreams, func(u *upstream) bool { return u.backend.insecure(now) })
}

// endpointID tells which endpoint a request is for, as the proxy of a Piko
// server does (v0.7 and v0.9): by the header x-piko-endpoint, else by the
// first label of a host name that has more than one. Empty if neither says.
func endpointID(r *http.Request) string {
	if id := r.Header.Get("X-Piko-Endpoint"); id != "" {
		return id
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if net.ParseIP(host) != nil {
		return ""
	}
	label, _, dotted := strings.Cut(host, ".")
	if !dotted {
		return ""
	}
	return label
}
