package migrate

import (
	"math"
	"strings"
	"testing"

	"lockstep/schemas"
)

// A grid of whole numbers has few lines, begins with zero and reaches the
// highest value.
func TestCounts(t *testing.T) {
	t.Parallel()
	for most, want := range map[float64]string{
		0: "0 1", 1: "0 1", 4.2: "0 1 2 3 4 5", 5.1: "0 2 4 6", 11: "0 5 10 15", 26: "0 10 20 30", 99: "0 20 40 60 80 100", 10_000: "0 2000 4000 6000 8000 10000",
	} {
		s, grid := counts(most)
		var labels []string
		for _, line := range grid {
			labels = append(labels, line.Label)
		}
		if got := strings.Join(labels, " "); got != want || s.to < most || s.y(0) != 100 || s.y(s.to) != 0 {
			t.Errorf("up to %g: %s on %+v, want %s", most, got, s, want)
		}
	}
}

// Labels are at the places of their points, begin with the first, and are few.
func TestTicks(t *testing.T) {
	t.Parallel()
	place := func(i int) coordinate { return coordinate(i) }
	for n := range 100 {
		all := ticks(n, place, func(i int) string { return coordinate(i).String() })
		if len(all) > 5 || (n > 0) != (len(all) > 0) {
			t.Errorf("%d labels for %d points", len(all), n)
		}
		for _, tick := range all {
			if tick.Label != tick.X.String() {
				t.Errorf("%d points: %q at %s", n, tick.Label, tick.X)
			}
		}
	}
}

func TestCurves(t *testing.T) {
	t.Parallel()
	s := scale{0, 10}
	for name, c := range map[string]struct{ got, want string }{
		"curve":    {s.curve("", []float64{0, 5, 10}).Points, "0,100 50,50 100,0"},
		"one":      {s.curve("", []float64{5}).Points, "0,50"},
		"outside":  {s.curve("", []float64{-1, math.Inf(1)}).Points, "0,100 100,0"},
		"stairs":   {s.stairs("", []float64{0, 0, 5}).Points, "0,100 50,100 100,100 100,50"},
		"area":     {s.area("", []float64{0, 5}, []float64{5, 10}).Points, "0,50 100,0 100,50 0,100"},
		"no range": {scale{3, 3}.curve("", []float64{3, 3}).Points, "0,100 100,100"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", name, c.got, c.want)
		}
	}
}

// A waterfall begins where the part before it ends, and its total at zero.
func TestRiskFigure(t *testing.T) {
	t.Parallel()
	f := riskFigure("r", &schemas.Risk{Total: 1, Limit: 0.1, Unseen: 0.5, Unknown: 0.5})
	var got []string
	for _, row := range f.Lanes.Rows {
		for _, m := range row.Marks {
			got = append(got, row.Label+" "+m.X.String()+"+"+m.Width.String())
		}
	}
	if text := strings.Join(got, ", "); text != "have not come 0+45.45, nobody named 45.45+45.45, total 0+90.91" || len(f.Lanes.Rows) != 4 {
		t.Errorf("bars %s in %d rows", text, len(f.Lanes.Rows))
	}
}
