package runtime

import (
	"testing"

	"lockstep/schemas"
)

// TestAuthCounters has each result of an endpoint shown from the start, and
// counted where it belongs, also by who asked for the counters before.
func TestAuthCounters(t *testing.T) {
	t.Parallel()
	m := newMetrics("test")
	before := m.requests.of("svc")
	if got := shownCounts(t, m); len(got) != len(authResults()) || got["observe//ok"] != 0 {
		t.Fatalf("at first: %v", got)
	}
	m.requests.of("other")
	m.requests.of("svc").inc(authResult{schemas.ModeEnforce, schemas.ReasonMissing})
	before.inc(authResult{schemas.ModeEnforce, schemas.ReasonMissing})
	before.inc(authResult{schemas.ModeObserve, schemas.ReasonNone})
	before.inc(authResult{schemas.ModeDisabled, schemas.ReasonNone})
	got, sum := shownCounts(t, m), 0.0
	for _, n := range got {
		sum += n
	}
	if got["enforce/missing/fail"] != 2 || got["observe//ok"] != 1 || sum != 3 {
		t.Errorf("got %v", got)
	}
}

// shownCounts gathers the counters of svc by mode, reason and outcome.
func shownCounts(t *testing.T, m *metrics) map[string]float64 {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, f := range families {
		for _, one := range f.GetMetric() {
			label := map[string]string{}
			for _, pair := range one.GetLabel() {
				label[pair.GetName()] = pair.GetValue()
			}
			if f.GetName() == "lockstep_auth_requests_total" && label["endpoint"] == "svc" {
				counts[label["mode"]+"/"+label["reason"]+"/"+label["outcome"]] = one.GetCounter().GetValue()
			}
		}
	}
	return counts
}
