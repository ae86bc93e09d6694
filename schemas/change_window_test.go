package schemas_test

import (
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

func TestChangeWindow(t *testing.T) {
	t.Parallel()
	policy, err := decode(t, `version: 1
batches:
  production:
    budget: 0.5
    window:
      days: [tue, wed, thu]
      hours: "10:00-16:00"
      timezone: Asia/Shanghai
      freezes: [{from: 2026-12-24, until: 2027-01-02, reason: holidays}]
`, schemas.DecodePolicy)
	if err != nil {
		t.Fatal(err)
	}
	limits := policy.Batching(schemas.TierProduction)
	if limits.Budget != 0.5 || limits.MaxApps != 10 || limits.Bake.String() != "1d" {
		t.Errorf("limits %+v", limits)
	}
	if staging := policy.Batching(schemas.TierStaging); staging.Window != nil || staging.Window.Closed(time.Time{}) != "" {
		t.Errorf("staging has a window: %+v", staging)
	}
	for at, want := range map[string]struct{ closed, opens string }{
		"2026-11-24T02:00:00Z": {"", "2026-11-24T02:00:00Z"}, // Tuesday, 10:00 there
		"2026-11-24T07:59:59Z": {"", "2026-11-24T07:59:59Z"},
		"2026-11-24T08:00:00Z": {"changes are made from 10:00 to 16:00 (Asia/Shanghai)", "2026-11-25T02:00:00Z"},
		"2026-11-24T01:59:59Z": {"changes are made from 10:00 to 16:00 (Asia/Shanghai)", "2026-11-24T02:00:00Z"},
		"2026-11-26T16:30:00Z": {"there are no changes on a Friday", "2026-12-01T02:00:00Z"}, // Friday has begun there
		"2026-12-29T03:00:00Z": {"changes are frozen from 2026-12-24 until 2027-01-02", "2027-01-05T02:00:00Z"},
	} {
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := limits.Window.Closed(moment); got != want.closed {
			t.Errorf("%s: %q, want %q", at, got, want.closed)
		}
		if got := limits.Window.Opens(moment).Format(time.RFC3339); got != want.opens {
			t.Errorf("%s: opens %s, want %s", at, got, want.opens)
		}
	}
}

func TestChangeWindowNeverOpen(t *testing.T) {
	t.Parallel()
	w := &schemas.ChangeWindow{Freezes: []schemas.Freeze{{From: "2026-01-01", Until: "2099-01-01"}}}
	if at := w.Opens(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)); !at.IsZero() {
		t.Errorf("opens %s, want never", at)
	}
	if (&schemas.ChangeWindow{Timezone: "No/Where"}).Closed(time.Time{}) == "" {
		t.Error("a window of no known time zone is open")
	}
}

func TestDecodePolicyRefusesWindows(t *testing.T) {
	t.Parallel()
	for window, want := range map[string]string{
		"{timezone: Mars/North}":                             "the time zone is not known",
		"{hours: '16:00-10:00'}":                             "hours end before they begin",
		"{hours: '25:00-26:00'}":                             "hours",
		"{days: [Tuesday]}":                                  "mon, tue",
		"{freezes: [{from: 2026-02-02, until: 2026-02-01}]}": "a freeze ends before it begins",
	} {
		_, err := decode(t, "version: 1\nbatches:\n  production:\n    window: "+window+"\n", schemas.DecodePolicy)
		if err == nil || !strings.Contains(err.Error()+strings.Join(schemas.Hints(err), " "), want) || !strings.HasPrefix(err.Error(), "t.yaml:4:") {
			t.Errorf("%s: error %v, want one with %q at its place", window, err, want)
		}
	}
}
