package runtime

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"lockstep/schemas"
)

// authResult is what became of a request that was checked.
type authResult struct {
	mode   schemas.Mode
	reason schemas.Reason // none: ok
}

// authResults lists all there are.
func authResults() []authResult {
	var all []authResult
	for _, mode := range []schemas.Mode{schemas.ModeObserve, schemas.ModeEnforce} {
		all = append(all, authResult{mode, schemas.ReasonNone})
		for _, reason := range schemas.Reasons() {
			all = append(all, authResult{mode, reason})
		}
	}
	return all
}

// authCounters are the request counters of one endpoint, by the place of the
// result. They take no lock, and a fiftieth of the memory of as many
// [prometheus.Counter]s, of which a thousand endpoints have half of the heap.
type authCounters struct {
	place  map[authResult]int // the same one in all
	counts []atomic.Uint64
}

// inc counts a request; one that is not among the results counts for nothing.
func (c *authCounters) inc(r authResult) {
	if i, known := c.place[r]; known {
		c.counts[i].Add(1)
	}
}

// authCollector shows the request counters of all endpoints. Those of an
// endpoint exist from its first version on, all at 0, and stay when it goes.
type authCollector struct {
	desc    *prometheus.Desc
	results []authResult
	place   map[authResult]int

	mu         sync.Mutex
	byEndpoint map[string]*authCounters
}

func newAuthCollector() *authCollector {
	c := &authCollector{
		desc: prometheus.NewDesc("lockstep_auth_requests_total", "Requests whose signature or target was checked.",
			[]string{"endpoint", "mode", "outcome", "reason"}, nil),
		results: authResults(), place: map[authResult]int{}, byEndpoint: map[string]*authCounters{},
	}
	for i, r := range c.results {
		c.place[r] = i
	}
	return c
}

// of returns the counters of an endpoint, the same ones each time.
func (c *authCollector) of(endpoint string) *authCounters {
	c.mu.Lock()
	defer c.mu.Unlock()
	counters := c.byEndpoint[endpoint]
	if counters == nil {
		counters = &authCounters{place: c.place, counts: make([]atomic.Uint64, len(c.results))}
		c.byEndpoint[endpoint] = counters
	}
	return counters
}

// Describe implements [prometheus.Collector].
func (c *authCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.desc }

// Collect implements [prometheus.Collector].
func (c *authCollector) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for endpoint, counters := range c.byEndpoint {
		for i, r := range c.results {
			outcome := schemas.OutcomeFail
			if r.reason == schemas.ReasonNone {
				outcome = schemas.OutcomeOK
			}
			ch <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(counters.counts[i].Load()),
				endpoint, string(r.mode), string(outcome), string(r.reason))
		}
	}
}
