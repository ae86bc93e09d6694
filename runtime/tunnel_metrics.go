package runtime

import "github.com/prometheus/client_golang/prometheus"

// pikoCollector shows how each listener stands with its Piko server. It looks
// when it is asked.
type pikoCollector struct {
	tunnel *tunnel

	up, sessions *prometheus.Desc
}

func newPikoCollector(t *tunnel) *pikoCollector {
	label := []string{"listener"}
	return &pikoCollector{
		tunnel: t,
		up:     prometheus.NewDesc("lockstep_piko_session_up", "Whether a listener is registered at the Piko server.", label, nil),
		sessions: prometheus.NewDesc("lockstep_piko_sessions_total",
			"Sessions with the Piko server that were begun for a listener; all but one were reconnects.", label, nil),
	}
}

// Describe implements [prometheus.Collector].
func (c *pikoCollector) Describe(to chan<- *prometheus.Desc) {
	to <- c.up
	to <- c.sessions
}

// Collect implements [prometheus.Collector].
func (c *pikoCollector) Collect(to chan<- prometheus.Metric) {
	for name, s := range c.tunnel.statuses() {
		to <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, boolean(s.Up), name)
		to <- prometheus.MustNewConstMetric(c.sessions, prometheus.CounterValue, float64(s.Sessions), name)
	}
}
