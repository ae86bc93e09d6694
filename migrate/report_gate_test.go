package migrate

import (
	"fmt"
	"math"
	"testing"

	"lockstep/schemas"
)

// The last point of each curve is what the gate says now, whatever came.
func TestCurvesEndAtTheGate(t *testing.T) {
	t.Parallel()
	for _, days := range []int{8, 30, 60} {
		in := demoInput(days)
		for i := range days {
			addVisit(&in, "daily", i, schemas.ReasonNone, 3)
		}
		for i := range 5 {
			addVisit(&in, fmt.Sprintf("once-%d", i), i, schemas.ReasonNone, 1)
		}
		addVisit(&in, "twice", 1, schemas.ReasonNone, 1)
		addVisit(&in, "twice", 3, schemas.ReasonNone, 1)
		addVisit(&in, "daily", 5, schemas.ReasonSkew, 1)
		in.Inventory.Clients = []schemas.InventoryClient{{App: "demo", Client: "away", Days: 2}, {App: "demo", Client: "daily", Days: 1}}
		r := newReport(t, in, History{})
		app, verdict := r.Apps[0], r.Apps[0].Subjects[0]
		if verdict.Risk == nil || app.Risk == nil {
			t.Fatalf("%d days: no risk", days)
		}
		in.setDefaults()
		g := newGate(&in)
		o := g.outlook(g.app("key/demo"))
		last := app.Coverage.Points[len(app.Coverage.Points)-1]
		if last.Seen != o.seen || math.Abs(last.Unseen*o.faulty(0)-verdict.Risk.Unknown) > 1e-3*verdict.Risk.Unknown {
			t.Errorf("%d days: coverage ends at %+v, the gate says %d seen, risk %g of the unknown", days, last, o.seen, verdict.Risk.Unknown)
		}
		if last.Unseen == 0 || app.Coverage.Expected != 2 {
			t.Errorf("%d days: coverage %+v, expected %d; the test shows nothing", days, last, app.Coverage.Expected)
		}
		e := app.Evidence[len(app.Evidence)-1]
		if e.E != verdict.EValue.Value || e.Bar != verdict.EValue.Bar || e.Epoch != verdict.EValue.Epoch {
			t.Errorf("%d days: the e-value ends at %+v, the gate says %+v", days, e, verdict.EValue)
		}
		if e.Clean != 4 {
			t.Errorf("%d days: clean for %d days, want 4", days, e.Clean)
		}
		for i := 1; i < len(app.Coverage.Points); i++ {
			if app.Coverage.Points[i].Seen < app.Coverage.Points[i-1].Seen {
				t.Errorf("%d days: fewer clients seen on %s than before", days, app.Coverage.Points[i].Date)
			}
		}
		if want := min(days+1, maxDays); len(app.Coverage.Points) != want || len(app.Evidence) != want-1 {
			t.Errorf("%d days: %d points of coverage, %d of evidence, want %d", days, len(app.Coverage.Points), len(app.Evidence), want)
		}
	}
}

// An app that enforces already, or does not observe, has no curves.
func TestCurvesOfOtherApps(t *testing.T) {
	t.Parallel()
	for _, mode := range []schemas.Mode{schemas.ModeDisabled, schemas.ModeEnforce} {
		in := demoInput(8)
		addVisit(&in, "daily", 1, schemas.ReasonNone, 3)
		in.Rollout.Subjects["key/demo/k1"] = schemas.RolloutSubject{Mode: mode, Since: noon, Secret: "env:K"}
		a := newReport(t, in, History{}).Apps[0]
		if len(a.Coverage.Points)+len(a.Evidence) > 0 || a.Risk != nil || len(a.Heat.Rows) != 1 {
			t.Errorf("%s: %+v", mode, a)
		}
	}
}
