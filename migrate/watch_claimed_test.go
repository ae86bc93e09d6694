package migrate

import (
	"testing"
	"time"

	"lockstep/schemas"
)

// A log of failures only names nobody who is verified. Known clients that are
// refused are said all the same, and nothing is taken back by itself.
func TestWatchClaimed(t *testing.T) {
	t.Parallel()
	const alert = "key/a: 1 client is refused that the inventory knows, by addresses that are only claimed: 10.0.0.7; look, and roll back by hand"
	for name, test := range map[string]struct {
		client       string
		reason       schemas.Reason
		failuresOnly bool
		ago          time.Duration
		want         string
	}{
		"a client of the inventory":           {"10.0.0.7", schemas.ReasonMissing, true, time.Minute, alert},
		"before the app was enforced":         {"10.0.0.7", schemas.ReasonMissing, true, 2 * time.Hour, ""},
		"a stranger":                          {"10.9.9.9", schemas.ReasonMissing, true, time.Minute, ""},
		"a log that tells of verified ones":   {"10.0.0.7", schemas.ReasonMissing, false, time.Minute, ""},
		"our own probe, which has to fail":    {ProbeClient, schemas.ReasonMissing, true, time.Minute, ""},
		"a client of the inventory that pass": {"10.0.0.7", "", true, time.Minute, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := newEventLog()
			log.request("n1", "key/A", test.client, claimed, test.reason, noon.Add(-test.ago))
			log.beat("n1", ago(3))
			e := fold(t, "pro-eu", log.lines...)
			e.FailuresOnly = test.failuresOnly
			w := Watch{Inventory: &schemas.Inventory{Clients: []schemas.InventoryClient{{App: "A", Client: "10.0.0.7"}}}}
			poll, err := w.Poll(noon.Add(-5*time.Minute), &schemas.Rollout{Environment: "pro-eu", Subjects: map[string]schemas.RolloutSubject{
				"key/a/k1": {Mode: schemas.ModeEnforce, Since: noon.Add(-time.Hour)},
			}}, e)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			for _, a := range poll.Alerts {
				got += a.Text
				if a.Kind != AlertBlind || len(a.Back) > 0 {
					t.Errorf("it would step back: %+v", a)
				}
			}
			if got != test.want {
				t.Errorf("it says %q, want %q", got, test.want)
			}
		})
	}
}
