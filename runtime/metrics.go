package runtime

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics are what /metrics shows. Labels come from closed sets: endpoint ids
// of the config, modes, outcomes and reasons, never what a client sent.
type metrics struct {
	registry    *prometheus.Registry
	reloadGood  prometheus.Gauge
	reloadTime  prometheus.Gauge
	reloads     *prometheus.CounterVec
	watchEvents *prometheus.CounterVec
	overflows   prometheus.Counter
	degraded    prometheus.Gauge
	info        *prometheus.GaugeVec
	requests    *authCollector
	leftOut     prometheus.Counter
	writeErrors prometheus.Counter
	meters      *meterCollector
	clockSteps  prometheus.Counter
	denialsLost prometheus.Counter
	stateErrors prometheus.Counter
	handshakes  *prometheus.CounterVec
	override    *prometheus.GaugeVec
	tripAlerts  *prometheus.CounterVec
	tripLeftOut prometheus.Counter
	certEnd     *prometheus.GaugeVec

	tcpConnections *prometheus.GaugeVec
	instances      *prometheus.CounterVec

	reloadDuration prometheus.Observer
}

// newMetrics registers all metrics in a registry of their own. The names of
// those about reloads follow Prometheus's own.
func newMetrics(version string) *metrics {
	registry := prometheus.NewRegistry()
	factory := promauto.With(registry)
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return factory.NewGaugeVec(prometheus.GaugeOpts{Name: "lockstep_" + name, Help: help}, labels)
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return factory.NewCounterVec(prometheus.CounterOpts{Name: "lockstep_" + name, Help: help}, labels)
	}
	requests := newAuthCollector()
	meters := newMeterCollector()
	registry.MustRegister(requests, meters)
	gauge("build_info", "Always 1.", "version").WithLabelValues(version).Set(1)
	return &metrics{
		registry: registry,
		requests: requests,
		meters:   meters,
		reloadGood: gauge("config_last_reload_successful",
			"Whether the files on disk are what is served.").WithLabelValues(),
		reloadTime: gauge("config_last_reload_success_timestamp_seconds",
			"When a version was last applied.").WithLabelValues(),
		reloads: counter("config_reloads_total",
			"Attempts to apply the files: applied, unchanged or rejected; rolled_back for those of an earlier version.", "result"),
		watchEvents: counter("watch_events_total",
			"Hints that files may have changed: inotify for events of their directories, poll for changes that "+
				"no event told of, signal for SIGHUP, api for other requests to look.", "source"),
		overflows: counter("watch_overflows_total",
			"Times that events were lost and all files were read instead.").WithLabelValues(),
		degraded: gauge("watch_degraded",
			"Whether some files cannot be watched, so that changes are found by polling.").WithLabelValues(),
		info: gauge("config_info", "Always 1, for the version that is served.", "version", "sha256"),
		leftOut: counter("events_left_out_total",
			"Details of failed requests that were not written; tallies are complete all the same.").WithLabelValues(),
		writeErrors: counter("events_write_errors_total",
			"Failed writes to the event log.").WithLabelValues(),
		clockSteps: counter("clock_steps_total",
			"Times the clock of this machine was set, by a second or more.").WithLabelValues(),
		denialsLost: counter("events_denials_left_out_total",
			"Details of refused requests among those that were not written.").WithLabelValues(),
		stateErrors: counter("state_write_errors_total",
			"Applied versions that could not be kept in the state directory.").WithLabelValues(),
		override: gauge("override_active",
			"Always 1, for subjects that are held at a mode weaker than the rollout's.", "subject"),
		tripAlerts: counter("tripwire_alerts_total",
			"Times that verified clients were found to be refused which passed before the promotion.", "subject"),
		tripLeftOut: counter("tripwire_left_out_total",
			"Passes of clients that the tripwire had no room to remember.").WithLabelValues(),
		handshakes: counter("upstream_tls_handshakes_total",
			"Handshakes with upstreams whose verification the rollout stages, by what came of it; an empty reason is a pass.",
			"endpoint", "mode", "reason"),
		tcpConnections: gauge("tcp_connections", "Open connections of listeners with protocol tcp.", "endpoint"),
		instances: counter("apollo_services_config_total",
			"Answers of /services/config that were to be rewritten: rewritten, or odd ones that were refused with 502.", "endpoint", "result"),
		certEnd: gauge("tls_cert_not_after_timestamp_seconds",
			"When a certificate ends that is shown to callers (listener ingress) or to an upstream.", "listener", "file"),
		reloadDuration: factory.NewHistogram(prometheus.HistogramOpts{
			Name: "lockstep_config_reload_duration_seconds", Help: "Time from reading the files to serving or rejecting them.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 12),
		}),
	}
}

// applied notes that s is served from now on. kept tells that its documents are
// those of an earlier version.
func (m *metrics) applied(s *snapshot, kept bool) {
	result := "applied"
	if kept {
		result = "rolled_back"
	}
	m.reloads.WithLabelValues(result).Inc()
	m.served(s)
	m.reloadTime.Set(float64(s.version.Applied.UnixMilli()) / 1000)
	m.info.Reset()
	m.info.WithLabelValues(strconv.Itoa(s.version.Number), s.version.Digest[len("sha256:"):]).Set(1)
	m.certEnd.Reset()
	for _, c := range s.certificates() {
		m.certEnd.WithLabelValues(c.listener, c.file).Set(float64(c.end.Unix()))
	}
}

func (m *metrics) rejected() {
	m.reloads.WithLabelValues("rejected").Inc()
	m.reloadGood.Set(0)
}

func (m *metrics) unchanged(s *snapshot) {
	m.reloads.WithLabelValues("unchanged").Inc()
	m.served(s)
}

// served notes whether all listeners are as the files want them.
func (m *metrics) served(s *snapshot) {
	m.reloadGood.Set(boolean(len(s.held()) == 0))
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// eventsWritten is the gauge of the last write to the event log. Only a process
// that writes one has it: otherwise it would look as if it had never managed.
func (m *metrics) eventsWritten() prometheus.Gauge {
	return promauto.With(m.registry).NewGauge(prometheus.GaugeOpts{
		Name: "lockstep_events_last_write_timestamp_seconds", Help: "When the event log was last written to.",
	})
}
