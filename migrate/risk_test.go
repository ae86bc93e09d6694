package migrate

import (
	"math"
	"testing"
	"time"

	"lockstep/schemas"
)

func near(got, want float64) bool { return math.Abs(got-want) <= 1e-9*math.Max(1, math.Abs(want)) }

// By hand, from the formulas.
func TestUnknownClients(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		once, twice  int
		days, period float64
		want         float64
	}{
		{0, 0, 7, 31, 0},
		{0, 9, 7, 31, 0},
		{1, 0, 7, 31, 24. / 7},     // one job seen once in a quarter of its month
		{1, 0, 31, 31, 0},          // a month has passed, so it is seen
		{1, 0, 0, 31, 30},          // less than a day counts as one
		{4, 1, 35, 31, 3},          // 4·3/(2·2)
		{4, 1, 70, 31, 1.5},        // half of them within 35 days
		{6, 0, 14, 31, 15},         // 6·5/2, more than 6·17/14
		{2, 5, 14, 31, 34. / 14},   // 2·17/14, more than 2/12
		{2, 0, 97, 31, 35. / 97},   // three months of history
		{3, 0, 97, 120, 105. / 97}, // 3·2/2·35/97, more than 3·23/97
	} {
		if got := unknownClients(test.once, test.twice, test.days, test.period); !near(got, test.want) {
			t.Errorf("%d once, %d twice in %g days, periods to %g: %g, want %g", test.once, test.twice, test.days, test.period, got, test.want)
		}
	}
}

func TestRiskIsTheSumOfItsTerms(t *testing.T) {
	t.Parallel()
	due := noon.Add(3 * days)
	o := &outlook{
		now: noon, seen: 11, failed: 1,
		unseen:   []expectation{{entry: &schemas.InventoryClient{}, due: due}, {entry: &schemas.InventoryClient{}, due: ago(1)}},
		repaired: []repair{{good: 48, over: 2 * days}, {good: 2, over: days}},
		once:     1, watched: 10 * days, maxPeriod: 31 * days,
	}
	q := 1.5 / 19
	got := o.risk(noon)
	if !near(got.Unseen, 2*q) || !near(got.Repaired, 0.5/50+0.5/4) || !near(got.Unknown, 2.1*q) || !near(got.Total, got.Unseen+got.Repaired+got.Unknown) {
		t.Errorf("now %+v", got)
	}
	// The first has come when it is due, the second is overdue and does not; the
	// repaired clients go on at their pace.
	q, got = 1.5/20, o.risk(due)
	if !near(got.Unseen, q) || !near(got.Repaired, 0.5/(48+72+2)+0.5/(2+6+2)) || !near(got.Unknown, q*18/13) {
		t.Errorf("in three days %+v", got)
	}
}

// A client is certain to exist for twice its longest gap, then less and less;
// one of which little is known stays.
func TestWeight(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		days    int
		silence time.Duration
		want    float64
	}{
		{3, 0, 1},
		{3, 14 * days, 1},
		{3, 21 * days, math.Exp(-1)},
		{3, 35 * days, math.Exp(-3)},
		{2, 99 * days, 1},
	} {
		e := expectation{entry: &schemas.InventoryClient{Days: test.days}, gap: 7 * days, last: noon.Add(-test.silence)}
		if got := e.weight(noon); !near(got, test.want) {
			t.Errorf("seen on %d days, silent for %s: %g, want %g", test.days, test.silence, got, test.want)
		}
	}
	never := expectation{entry: &schemas.InventoryClient{Days: 9}, gap: 7 * days}
	if never.weight(noon) != 1 {
		t.Error("one that has no last sign of life is thought to be gone")
	}
}

func TestPeriod(t *testing.T) {
	t.Parallel()
	for gap, want := range map[time.Duration]string{
		time.Hour: "hourly", 24 * time.Hour: "daily", 25 * time.Hour: "daily", 7 * days: "weekly", 31 * days: "monthly",
		730 * time.Hour: "monthly", 92 * days: "quarterly", 12 * days: "every 12d", 12 * time.Hour: "every 12h",
	} {
		if got := period(gap); got != want {
			t.Errorf("%s is %s, want %s", gap, got, want)
		}
	}
}

func TestSignificant(t *testing.T) {
	t.Parallel()
	for x, want := range map[float64]float64{0: 0, 0.123456: 0.1235, 1234567: 1235000, 1e-9: 1e-9, 40: 40} {
		if got := significant(x); got != want {
			t.Errorf("%g becomes %g, want %g", x, got, want)
		}
	}
}

// Days of the history and days since add up, unless they are the same days.
// Failures are no days.
func TestDaysSeen(t *testing.T) {
	t.Parallel()
	c := &client{okHours: hours{1: 1, 2: 7, 3: 0}, failHours: hours{4: 1}}
	entry := &schemas.InventoryClient{Days: 5, Last: ago(10 * 24)}
	for _, test := range []struct {
		entry *schemas.InventoryClient
		since time.Time
		want  int
	}{
		{nil, ago(8 * 24), 2},
		{entry, ago(8 * 24), 7},
		{entry, ago(12 * 24), 5},
		{&schemas.InventoryClient{Days: 1, Last: ago(0)}, ago(12 * 24), 2},
	} {
		if got := daysSeen(c, test.entry, test.since); got != test.want {
			t.Errorf("%+v since %s: %d days, want %d", test.entry, test.since, got, test.want)
		}
	}
}

// What is learned while the app is observed adds no time of its own.
func TestWatched(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		from, to float64 // days ago
		want     time.Duration
	}{
		"before":       {98, 8, 98 * days},
		"long before":  {98, 58, 48 * days},
		"until now":    {98, 0, 98 * days},
		"no more than": {5, 0, 8 * days},
	} {
		g := &gate{in: &Input{Now: noon, Inventory: &schemas.Inventory{History: schemas.History{From: ago(test.from * 24), To: ago(test.to * 24)}}}}
		if got := g.watched(&app{start: ago(8 * 24)}); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	g := &gate{in: &Input{Now: noon, Inventory: &schemas.Inventory{}}}
	if got := g.watched(&app{start: ago(8 * 24)}); got != 8*days {
		t.Errorf("no history: %s", got)
	}
}
