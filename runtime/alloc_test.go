//go:build !race

package runtime

import (
	"net/http"
	"testing"

	"lockstep/schemas"
)

// The race detector makes sync.Pool drop items at random, so allocations are
// counted without it.

// TestAuthDoesNotAllocate checks and counts a signed request, as all requests
// of a day are. Only a client that is known by its address takes a string.
func TestAuthDoesNotAllocate(t *testing.T) {
	m := newMetrics("test")
	r := &recorder{metrics: m, tallies: newTallies(maxTallies, maxKnown), sink: &sink{}}
	for name, test := range map[string]struct {
		mode   schemas.Mode
		source schemas.IdentitySource
		want   float64
	}{
		"observe":   {schemas.ModeObserve, schemas.IdentitySource{Kind: schemas.IdentityParam, Name: "ip"}, 0},
		"enforce":   {schemas.ModeEnforce, schemas.IdentitySource{Kind: schemas.IdentityParam, Name: "ip"}, 0},
		"by header": {schemas.ModeEnforce, schemas.IdentitySource{Kind: schemas.IdentityHeader, Name: "X-Client"}, 0},
		"by peer":   {schemas.ModeEnforce, schemas.IdentitySource{Kind: schemas.IdentityPeer}, 1},
	} {
		key := testKey(t, "key/demo/k1", test.mode, "s1")
		to := &route{endpoint: "svc", auth: testAuth("demo", key), counters: m.requests.of("svc")}
		to.auth.identity = []schemas.IdentitySource{test.source}
		to.meters = m.meters.of("svc")
		req, in := signed("s1", target, noon), &http.Request{
			RequestURI: target, RemoteAddr: "10.1.2.3:4567", Header: http.Header{"X-Client": {"shop"}},
		}
		got := testing.AllocsPerRun(200, func() {
			d := decide(to.auth, req, noon)
			if d.outcome != schemas.OutcomeOK {
				t.Fatal(d)
			}
			r.record(to, in, &d, noon)
		})
		if got > test.want {
			t.Errorf("%s: %v allocations, want %v", name, got, test.want)
		}
	}
}
