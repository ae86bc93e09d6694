package runtime

import "github.com/prometheus/client_golang/prometheus"

// pikoCollector shows how each listener stands with its Piko server. It looks
// when it is asked.
type pikoCollector struct {
	tunnel *tunnel

	up, sessions, expires, due *prometheus.Desc
}

func newPikoCollector(t *tunnel) *pikoCollector {
	label := []string{"listener"}
	return &pikoCollector{
		tunnel: t,
		up:     prometheus.NewDesc("lockstep_piko_session_up", "Whether a listener is registered at the Piko server.", label, nil),
		sessions: prometheus.NewDesc("lockstep_piko_sessions_total",
			"Sessions with the Piko server that were begun for a listener; all but one were reconnects.", label, nil),
		expires: prometheus.NewDesc("lockstep_piko_token_expires_timestamp_seconds",
			"When the token in use at the Piko server ends, the first to end if there are two; missing if it says nothing of that.", nil, nil),
		due: prometheus.NewDesc("lockstep_piko_token_due_timestamp_seconds",
			"When another token should have taken its place.", nil, nil),
	}
}

// Describe implements [prometheus.Collector].
func (c *pikoCollector) Describe(to chan<- *prometheus.Desc) {
	to <- c.up
	to <- c.sessions
	to <- c.expires
	to <- c.due
}

// Collect implements [prometheus.Collector].
func (c *pikoCollector) Collect(to chan<- prometheus.Metric) {
	links := c.tunnel.statuses()
	if token := firstToEnd(links); !token.Ends.IsZero() {
		to <- prometheus.MustNewConstMetric(c.expires, prometheus.GaugeValue, float64(token.Ends.Unix()))
		to <- prometheus.MustNewConstMetric(c.due, prometheus.GaugeValue, float64(token.Due.Unix()))
	}
	for name, s := range links {
		to <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, boolean(s.Up), name)
		to <- prometheus.MustNewConstMetric(c.sessions, prometheus.CounterValue, float64(s.Sessions), name)
	}
}
