package runtime

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// authMeters are what is measured of the signatures of one endpoint. Like
// [authCounters] they take no lock, and a tenth of the memory of as many
// metrics of Prometheus.
type authMeters struct {
	replays    atomic.Uint64 // signatures that were used again
	replayFull atomic.Uint64 // that there was no room to remember
	skew       skewMeter
}

const skewBuckets = 13

// skewBounds are the upper bounds of the buckets of a [skewMeter], in
// milliseconds of our clock minus the client's.
func skewBounds() [skewBuckets]int64 {
	return [skewBuckets]int64{-60_000, -30_000, -10_000, -5_000, -1_000, -100, 0, 100, 1_000, 5_000, 10_000, 30_000, 60_000}
}

// A skewMeter is a histogram of clock skews.
type skewMeter struct {
	counts [skewBuckets + 1]atomic.Uint64 // the last one is beyond all bounds
	sum    atomic.Int64                   // of milliseconds
}

// observe takes in one skew. What is beyond an hour counts as an hour in the
// sum, which a client must not spoil.
func (m *skewMeter) observe(ms int64) {
	const hour = int64(time.Hour / time.Millisecond)
	bounds := skewBounds()
	place, _ := slices.BinarySearch(bounds[:], ms)
	m.counts[place].Add(1)
	m.sum.Add(min(max(ms, -hour), hour))
}

// histogram is the state as Prometheus has it: seconds, and counts that add up.
func (m *skewMeter) histogram(desc *prometheus.Desc, endpoint string) prometheus.Metric {
	buckets, count := make(map[float64]uint64, skewBuckets), uint64(0)
	for i, bound := range skewBounds() {
		count += m.counts[i].Load()
		buckets[float64(bound)/1000] = count
	}
	count += m.counts[skewBuckets].Load()
	return prometheus.MustNewConstHistogram(desc, count, float64(m.sum.Load())/1000, buckets, endpoint)
}

// meterCollector shows the meters of all endpoints, as [authCollector] does
// the counters.
type meterCollector struct {
	replays, replayFull, skew *prometheus.Desc

	mu         sync.Mutex
	byEndpoint map[string]*authMeters
}

func newMeterCollector() *meterCollector {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, []string{"endpoint"}, nil)
	}
	return &meterCollector{
		replays: desc("lockstep_auth_replays_total", "Requests whose signature was right and had been used before."),
		replayFull: desc("lockstep_auth_replays_unwatched_total",
			"Signatures that there was no room to remember: that they are used again goes unnoticed."),
		skew:       desc("lockstep_auth_clock_skew_seconds", "Our clock minus the client's; beyond the tolerance a request fails."),
		byEndpoint: map[string]*authMeters{},
	}
}

// of returns the meters of an endpoint, the same ones each time.
func (c *meterCollector) of(endpoint string) *authMeters {
	c.mu.Lock()
	defer c.mu.Unlock()
	meters := c.byEndpoint[endpoint]
	if meters == nil {
		meters = &authMeters{}
		c.byEndpoint[endpoint] = meters
	}
	return meters
}

// Describe implements [prometheus.Collector].
func (c *meterCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.replays
	ch <- c.replayFull
	ch <- c.skew
}

// Collect implements [prometheus.Collector].
func (c *meterCollector) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for endpoint, m := range c.byEndpoint {
		ch <- prometheus.MustNewConstMetric(c.replays, prometheus.CounterValue, float64(m.replays.Load()), endpoint)
		ch <- prometheus.MustNewConstMetric(c.replayFull, prometheus.CounterValue, float64(m.replayFull.Load()), endpoint)
		ch <- m.skew.histogram(c.skew, endpoint)
	}
}
