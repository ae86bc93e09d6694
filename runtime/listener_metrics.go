package runtime

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// listenerCollector shows how each listener is served. It looks when it is
// asked: gauges that are written anew with each version would be missing for
// whoever asks meanwhile.
type listenerCollector struct {
	current *atomic.Pointer[snapshot]
	drain   *drain
	now     func() time.Time

	good, generation, draining, insecure *prometheus.Desc
}

func newListenerCollector(current *atomic.Pointer[snapshot], d *drain, now func() time.Time) *listenerCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &listenerCollector{
		current: current, drain: d, now: now,
		good: desc("lockstep_listener_config_good",
			"Whether what is served of a listener is what the files ask for.", "listener"),
		generation: desc("lockstep_listener_generation",
			"Number of the version that last changed a listener, 0 if it was never good.", "listener"),
		draining: desc("lockstep_listener_draining_generations",
			"Versions of listeners that were replaced, but whose last requests are still under way."),
		insecure: desc("lockstep_upstream_tls_insecure",
			"Always 1, for endpoints whose upstream's certificate is not verified.", "endpoint"),
	}
}

// Describe implements [prometheus.Collector].
func (c *listenerCollector) Describe(to chan<- *prometheus.Desc) {
	to <- c.good
	to <- c.generation
	to <- c.draining
	to <- c.insecure
}

// Collect implements [prometheus.Collector].
func (c *listenerCollector) Collect(to chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	gauge(c.draining, float64(c.drain.count()))
	s := c.current.Load()
	if s == nil { // before the first version
		return
	}
	for endpoint, r := range s.routes {
		if r.insecure(c.now()) {
			gauge(c.insecure, 1, endpoint)
		}
	}
	seen := map[string]bool{}
	for _, l := range s.listeners {
		if seen[l.Name] { // an endpoint may be called svc#2 by itself
			continue
		}
		seen[l.Name] = true
		gauge(c.good, boolean(l.Err == nil), l.Name)
		gauge(c.generation, float64(l.Version), l.Name)
	}
}
