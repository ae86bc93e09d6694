package migrate

import (
	"fmt"
	"io"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/common/expfmt"
)

// WriteMetrics writes the status in Prometheus's text format, for the textfile
// collector of a node exporter: whoever is waited for is known to the
// inventory, and so to migrate alone.
func (s *Status) WriteMetrics(w io.Writer) error {
	families, err := s.metrics().Gather()
	if err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(w, family); err != nil {
			return fmt.Errorf("write status: %w", err)
		}
	}
	return nil
}

// metrics are gauges of this moment. Clients have no series of their own:
// there may be a million, and their names are for the report.
func (s *Status) metrics() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	factory := promauto.With(registry)
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return factory.NewGaugeVec(prometheus.GaugeOpts{
			Name: "lockstep_migrate_" + name, Help: help,
			ConstLabels: prometheus.Labels{"environment": s.Environment, "tier": string(s.Tier)},
		}, labels)
	}
	gauge("status_timestamp_seconds", "When the rollout was judged.").WithLabelValues().Set(float64(s.At.Unix()))
	gauge("state", "Always 1, for the state of the rollout.", "state").WithLabelValues(string(s.State)).Set(1)
	gauge("drift", "Differences between what was decided and what is.").WithLabelValues().Set(float64(len(s.Drift)))
	gauge("evidence_gaps", "Stretches of time for which a node has no evidence.").WithLabelValues().Set(float64(s.Gaps))
	gauge("subjects_enforced", "Subjects that are enforced.").WithLabelValues().Set(float64(s.Enforced))
	gauge("expected_refused", "Clients that enforcing is expected to refuse within five weeks.").WithLabelValues().Set(s.Expected)
	subjects := gauge("subjects", "Subjects with a next step, by state.", "state")
	for _, state := range []State{StateReady, StateWaiting, StateBlocked, StateInconclusive} {
		subjects.WithLabelValues(string(state)).Set(float64(s.Count(state)))
	}
	blocking := gauge("clients_blocking", "Clients that would be refused and block the next step.", "subject")
	overdue := gauge("clients_overdue", "Clients of the inventory that should have come by now.", "subject")
	for _, subject := range s.Subjects {
		blocking.WithLabelValues(subject.Subject).Set(float64(subject.Blocking))
		overdue.WithLabelValues(subject.Subject).Set(float64(subject.Overdue))
	}
	return registry
}
