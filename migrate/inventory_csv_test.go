package migrate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/migrate"
	"lockstep/schemas"
)

// What is carried by hand arrives as it left.
func TestInventoryCSVReadsBack(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	want := &schemas.Inventory{Version: 1, Clients: []schemas.InventoryClient{
		{App: "demo", Client: "10.0.0.7", Owner: `dana "d" <dana@example.com>`, By: "lee", Since: "2026-11-21", Days: 3, Gap: schemas.Duration(25 * time.Hour), Last: now},
		{App: "demo", Client: "month-end", Cadence: schemas.Duration(31 * 24 * time.Hour), Until: "2027-01-31", By: "lee", Since: "2026-11-21"},
	}}
	text, err := migrate.EncodeInventoryCSV(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := migrate.ImportInventory("clients.csv", text, "lee", now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, text)
	}
}

func TestImportRefusesCounts(t *testing.T) {
	t.Parallel()
	for row, want := range map[string]string{
		"-1,,": "line 2: days is not", "x,,": "line 2: days is not", "1,daily,": "line 2: gap: not a duration", "1,2h,yesterday": "line 2: last is not a time",
	} {
		_, err := migrate.ImportInventory("c.csv", []byte("app,client,days,gap,last\ndemo,c,"+row+"\n"), "lee", time.Now())
		if err == nil || !strings.Contains(err.Error(), want) || len(schemas.Hints(err)) == 0 {
			t.Errorf("%s: %v, want %s and a hint", row, err, want)
		}
	}
}
