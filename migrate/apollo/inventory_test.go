package apollo_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/migrate/apollo"
	"lockstep/schemas"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// Who looks every day learns how often a client comes; who looks once does not.
func TestContinueInventory(t *testing.T) {
	t.Parallel()
	look := func(day int, last time.Time) *schemas.Inventory {
		now := noon.AddDate(0, 0, day)
		return &schemas.Inventory{
			Version: 1, History: schemas.History{From: now.AddDate(0, 0, -90), To: now},
			Clients: []schemas.InventoryClient{{App: "demo", Client: "10.0.0.7", Days: 1, Last: last}},
		}
	}
	known := &schemas.Inventory{
		Version: 1,
		Clients: []schemas.InventoryClient{{App: "Demo", Client: "10.0.0.7", Owner: "dana", Cadence: schemas.Duration(time.Hour)}},
		Waivers: []schemas.Decision{{App: "demo", Client: "10.0.0.7", By: "lee", Since: "2026-11-20", Until: "2026-12-31"}},
	}
	for _, c := range []struct {
		day  int // of the look
		last int // of the row, in hours since noon
		days int
		gap  time.Duration
	}{
		{0, -1, 1, 0},
		{1, 23, 2, 24 * time.Hour},
		{1, 24, 2, 24 * time.Hour},  // the same day once more
		{2, 24, 2, 24 * time.Hour},  // it has not come
		{4, 90, 3, 66 * time.Hour},  // it has
		{5, 91, 3, 66 * time.Hour},  // in the night, on the same day
		{6, 114, 4, 66 * time.Hour}, // on the next
		{7, 100, 4, 66 * time.Hour}, // a row that was restored from a backup
	} {
		known = apollo.ContinueInventory(known, look(c.day, noon.Add(time.Duration(c.last)*time.Hour)))
		got := known.Clients[0]
		if len(known.Clients) != 1 || got.Days != c.days || time.Duration(got.Gap) != c.gap {
			t.Errorf("day %d: %d clients, %d days, gap %s; want %d, %s", c.day, len(known.Clients), got.Days, got.Gap, c.days, c.gap)
		}
	}
	want := schemas.InventoryClient{
		App: "Demo", Client: "10.0.0.7", Owner: "dana", Cadence: schemas.Duration(time.Hour), Days: 4,
		Gap: schemas.Duration(66 * time.Hour), Last: noon.Add(114 * time.Hour),
	}
	if diff := cmp.Diff(want, known.Clients[0]); diff != "" || len(known.Waivers) != 1 {
		t.Errorf("what people said is lost (-want +got):\n%s", diff)
	}
	if from := noon.AddDate(0, 0, -90); !known.History.From.Equal(from) || !known.History.To.Equal(noon.AddDate(0, 0, 7)) {
		t.Errorf("history %v", known.History)
	}
}
