package lint_test

import (
	"testing"
	"time"

	"lockstep/lint"
)

// TestStuckStage: what is stuck depends on when it is judged, and nothing is
// without that.
func TestStuckStage(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		now  time.Time
		want bool
	}{
		"at no time":         {time.Time{}, false},
		"before it began":    {since.AddDate(-1, 0, 0), false},
		"on the last day":    {since.AddDate(0, 0, 60), false},
		"a second after":     {since.AddDate(0, 0, 60).Add(time.Second), true},
		"when all is bygone": {since.AddDate(500, 0, 0), true},
	} {
		report := checkRollout(t, lint.Input{Path: "r.yaml", Now: c.now}, []byte(rolloutHead))
		if got := has(report, "K812"); got != c.want {
			t.Errorf("%s: K812 is %v, want %v", name, got, c.want)
		}
	}
}
