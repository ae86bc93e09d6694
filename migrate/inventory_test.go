package migrate

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

func TestLearnInventory(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.request("nightly", claimed, passed, 12, 36.5, 84.5)
	s.request("nightly", verified, passed, 11.5)
	s.request("nightly", verified, failed, 1)
	s.request("once", verified, passed, 5, 7.5)
	s.request("scanner", verified, failed, 5, 50)
	s.request(schemas.OverflowClient, claimed, passed, 5, 50)
	s.log.request("n1", "key/Shop/k1", "nightly", verified, passed, ago(3))
	s.log.request("n1", "key/shop/k2", "nightly", verified, passed, ago(27))
	got := LearnInventory(fold(t, "pro-eu", s.log.lines...), "dana", noon)
	entry := func(app, client string, days int, gap time.Duration, last float64) schemas.InventoryClient {
		return schemas.InventoryClient{
			App: app, Client: client, By: "dana", Since: "2026-11-21", Days: days, Gap: schemas.Duration(gap), Last: ago(last),
		}
	}
	want := &schemas.Inventory{
		Version: 1, History: schemas.History{From: ago(100), To: ago(1)},
		Clients: []schemas.InventoryClient{
			entry("a", "nightly", 3, 48*time.Hour, 11.5),
			entry("a", "once", 1, 0, 5), // two visits on one day tell nothing of a period
			entry("a", "web", 3, 50*time.Hour, 1),
			entry("shop", "nightly", 2, 24*time.Hour, 3),
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inventory differs (-want +got):\n%s", diff)
	}
}

// What is newer wins where it says something; decisions stay.
func TestMergeInventory(t *testing.T) {
	t.Parallel()
	old := &schemas.Inventory{
		Version: 1, History: schemas.History{From: ago(99), To: ago(9)},
		Clients: []schemas.InventoryClient{
			{App: "Demo", Client: "b", Cadence: schemas.Duration(7 * days), Owner: "team-x", By: "lee", Since: "2026-01-01", Days: 9, Gap: schemas.Duration(days), Last: ago(50)},
			{App: "demo", Client: "a"},
		},
		Waivers: []schemas.Decision{decided("b")},
	}
	imported := &schemas.Inventory{Version: 1, Clients: []schemas.InventoryClient{
		{App: "demo", Client: "b", Cadence: schemas.Duration(31 * days), By: "dana", Since: "2026-11-21"}, {App: "demo", Client: "c"},
	}}
	want := &schemas.Inventory{
		Version: 1, History: old.History,
		Clients: []schemas.InventoryClient{
			{App: "Demo", Client: "b", Cadence: schemas.Duration(31 * days), Owner: "team-x", By: "dana", Since: "2026-11-21", Days: 9, Gap: schemas.Duration(days), Last: ago(50)},
			{App: "demo", Client: "a"},
			{App: "demo", Client: "c"},
		},
		Waivers: old.Waivers,
	}
	if diff := cmp.Diff(want, MergeInventory(old, imported)); diff != "" {
		t.Errorf("imported (-want +got):\n%s", diff)
	}
	learned := &schemas.Inventory{
		Version: 1, History: schemas.History{From: ago(9), To: ago(1)},
		Clients: []schemas.InventoryClient{{App: "demo", Client: "b", Days: 1, Last: ago(2)}},
	}
	got := MergeInventory(old, learned)
	if b := got.Clients[0]; got.History != learned.History || b.Days != 1 || b.Gap != 0 || !b.Last.Equal(ago(2)) || b.By != "lee" || b.Cadence != schemas.Duration(7*days) {
		t.Errorf("learned %+v of %+v", b, got.History)
	}
}

func TestImportInventory(t *testing.T) {
	t.Parallel()
	want := &schemas.Inventory{Version: 1, Clients: []schemas.InventoryClient{
		{App: "demo", Client: "10.0.0.1", Cadence: schemas.Duration(12 * time.Hour), By: "dana", Since: "2026-11-21"},
		{App: "demo", Client: "month, end", Cadence: schemas.Duration(31 * days), Owner: "team-x", Until: "2027-01-31", By: "dana", Since: "2026-11-21"},
	}}
	for name, text := range map[string]string{
		"hosts.csv":  "\ufeffapp, client,cadence,owner,until\ndemo,\"month, end\",Monthly,team-x,2027-01-31\ndemo, 10.0.0.1 ,12h,,\n",
		"hosts.JSON": `[{"app":"demo","client":"month, end","cadence":"monthly","owner":"team-x","until":"2027-01-31"},{"app":"demo","client":"10.0.0.1","cadence":"12h"}]`,
	} {
		got, err := ImportInventory(name, []byte(text), "dana", noon)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for text, want := range map[string]schemas.Duration{
		"": 0, "hourly": schemas.Duration(time.Hour), "daily": schemas.Duration(days), "weekly": schemas.Duration(7 * days),
		"quarterly": schemas.Duration(92 * days), "14d": schemas.Duration(14 * days),
	} {
		if got, err := parseCadence(text); err != nil || got != want {
			t.Errorf("%q is %s, %v, want %s", text, got, err, want)
		}
	}
}

func TestImportInventoryRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, want string }{
		{"hosts.txt", "", "hosts.txt: neither CSV nor JSON by its name"},
		{"h.csv", "", "h.csv: there is no header"},
		{"h.csv", "app,client,cadance\n", "h.csv: there is no column cadance"},
		{"h.csv", "app,client,app \n", "h.csv: there are two columns app"},
		{"h.csv", "app,client\n\"demo", "h.csv: not CSV: parse error on line 2, column 6: extraneous or missing \" in quoted-field"},
		{"h.csv", "app,client\ndemo\n", "h.csv: not CSV: record on line 2: wrong number of fields"},
		{"h.csv", "app,client\ndemo,c\n../x,CANARY\n", "h.csv: line 3: it needs the name of an app and a client"},
		{"h.csv", "app,client\ndemo,\n", "h.csv: line 2: it needs the name of an app and a client"},
		{"h.csv", "app,client,cadence\ndemo,c,CANARY\n", "h.csv: line 2: cadence is not a duration"},
		{"h.csv", "app,client,cadence\ndemo,c,0s\n", "h.csv: line 2: cadence is not a duration"},
		{"h.csv", "app,client,until\ndemo,c,CANARY\n", "h.csv: line 2: until is not a day"},
		{"h.csv", "app,client\ndemo,c\nDEMO,c\n", "h.csv: line 3: the client of line 2 once more"},
		{"h.json", `{"CANARY":1}`, "h.json: not a JSON array of objects with text"},
		{"h.json", `[{"app":"demo","client":"c"},{"app":"demo","clent":"c"}]`, "h.json: item 2: there is no column clent"},
	} {
		_, err := ImportInventory(test.name, []byte(test.text), "dana", noon)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s %q: error %v, want %q", test.name, test.text, err, test.want)
		} else if len(schemas.Hints(err)) == 0 && !strings.Contains(test.want, "not CSV") {
			t.Errorf("%s %q: no hint", test.name, test.text)
		}
	}
}

func FuzzImportInventory(f *testing.F) {
	f.Add("h.csv", "app,client,cadence\ndemo,\"a\nb\",12h\n")
	f.Add("h.json", `[{"app":"demo","client":"c","until":"2027-01-31"}]`)
	f.Fuzz(func(t *testing.T, name, text string) {
		inventory, err := ImportInventory(name, []byte(text), "dana", noon)
		if err != nil {
			return
		}
		encoded, err := inventory.Encode()
		if err != nil {
			t.Fatal(err)
		}
		doc, err := schemas.ParseDocument("inventory.yaml", encoded)
		if err != nil {
			t.Fatalf("%v in\n%s", err, encoded)
		}
		back, err := schemas.DecodeInventory(doc)
		if err != nil {
			t.Fatalf("%v in\n%s", err, encoded)
		}
		if diff := cmp.Diff(inventory.Clients, back.Clients); diff != "" && len(back.Clients)+len(inventory.Clients) > 0 {
			t.Errorf("the inventory does not read back:\n%s", diff)
		}
	})
}
