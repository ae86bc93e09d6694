package migrate

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep/schemas"
)

// The place of the curves in a plot, in pixels.
const (
	plotTop    = 16
	plotHeight = 144
)

// A plotView is a chart of curves over days. The curves are stretched to the
// width of the screen, text and dots are not.
type plotView struct {
	Grid  []gridView
	Areas []curveView
	Lines []curveView
	Dots  []dotView
	Marks []lineMark
	Ticks []tickView
}

// A gridView is a horizontal line with the value it stands for.
type gridView struct {
	Y     coordinate
	Label string
}

// A curveView is a line or an area in percent of the plot, from its upper left.
type curveView struct{ Class, Points string }

// A dotView is a point of the data.
type dotView struct {
	X, Y         coordinate // percent and pixels
	Class, Title string
}

// A scale places values in a plot: percent from above.
type scale struct{ from, to float64 }

func (s scale) y(value float64) float64 {
	return 100 * (1 - min(1, max(0, (value-s.from)/max(s.to-s.from, 1e-9))))
}

// curve is a line through values, one each day.
func (s scale) curve(class string, values []float64) curveView {
	points := make([]string, len(values))
	for i, v := range values {
		points[i] = share(i, len(values)-1).String() + "," + coordinate(s.y(v)).String()
	}
	return curveView{class, strings.Join(points, " ")}
}

// stairs is a curve that stays where it is until it changes.
func (s scale) stairs(class string, values []float64) curveView {
	points := strings.Fields(s.curve(class, values).Points)
	for i := len(values) - 1; i > 0; i-- {
		if values[i] != values[i-1] {
			x, _, _ := strings.Cut(points[i], ",")
			points = slices.Insert(points, i, x+","+coordinate(s.y(values[i-1])).String())
		}
	}
	return curveView{class, strings.Join(points, " ")}
}

// area lies between two curves.
func (s scale) area(class string, lower, upper []float64) curveView {
	back := strings.Fields(s.curve(class, lower).Points)
	points := strings.Fields(s.curve(class, upper).Points)
	slices.Reverse(back)
	points = append(points, back...)
	return curveView{class, strings.Join(points, " ")}
}

func (s scale) dots(class string, values []float64, title func(i int) string) []dotView {
	dots := make([]dotView, len(values))
	for i, v := range values {
		dots[i] = dotView{X: share(i, len(values)-1), Y: plotTop + coordinate(s.y(v)*plotHeight/100), Class: class, Title: title(i)}
	}
	return dots
}

func (s scale) grid(value float64, label string) gridView {
	return gridView{Y: plotTop + coordinate(s.y(value)*plotHeight/100), Label: label}
}

// counts makes a scale and a grid for whole numbers up to a highest one.
func counts(most float64) (scale, []gridView) {
	const lines = 5
	step := 1.0
	for factors := []float64{2, 2.5, 2}; most/step > lines; factors = append(factors[1:], factors[0]) {
		step *= factors[0] // 1, 2, 5, 10, …
	}
	s := scale{0, step * max(1, math.Ceil(most/step))}
	var grid []gridView
	for v := 0.0; v <= s.to; v += step {
		grid = append(grid, s.grid(v, strconv.FormatFloat(v, 'f', -1, 64)))
	}
	return s, grid
}

// Total is the height of a plot with its axis, in pixels.
func (p *plotView) Total() int { return plotTop + plotHeight + laneHeight }

// Top is where the curves begin, in pixels.
func (p *plotView) Top() int { return plotTop }

// Height is that of the curves, in pixels.
func (p *plotView) Height() int { return plotHeight }

// Bottom is where they end, in pixels.
func (p *plotView) Bottom() int { return plotTop + plotHeight }

// Beside is where the label of a line of the grid stands, in pixels.
func (p *plotView) Beside(g gridView) coordinate { return g.Y + 4 }

// Axis is where the labels of the axis stand, in pixels.
func (p *plotView) Axis() int { return plotTop + plotHeight + laneHeight*3/4 }

// coverageFigure draws how many clients have come, what may be missing still,
// and how many are expected.
func coverageFigure(id string, c Coverages) figureView {
	f := figureView{ID: id, Title: "Clients seen"}
	if len(c.Points) < 2 { // there is no curve through one point
		return f
	}
	seen, most, days := make([]float64, len(c.Points)), make([]float64, len(c.Points)), make([]schemas.Date, len(c.Points))
	f.Data.Head = []string{"day", "seen", "estimate of unseen"}
	for i, p := range c.Points {
		seen[i], most[i], days[i] = float64(p.Seen), float64(p.Seen)+p.Unseen, p.Date
		f.Data.Rows = append(f.Data.Rows, []string{string(p.Date), strconv.Itoa(p.Seen), brief(p.Unseen)})
	}
	last := c.Points[len(c.Points)-1]
	f.Desc = fmt.Sprintf("Known clients that have come: %d. Expected by the inventory: %d. Estimate of those that nobody named and that are still to come (Û): %s.",
		last.Seen, c.Expected, brief(last.Unseen))
	f.Legend = []legendView{line("seen", "seen"), box("band", "seen, and Û more")}
	// In the first days the estimate is huge and says nothing.
	const headroom = 2
	s, grid := counts(min(max(most[len(most)-1], seen[len(seen)-1], float64(c.Expected), 1)*1.1, headroom*max(seen[len(seen)-1], float64(c.Expected), 1)))
	f.Plot = &plotView{
		Grid: grid, Areas: []curveView{s.area("band", seen, most)}, Lines: []curveView{s.curve("seen", seen)},
		Dots: s.dots("seen", seen, func(i int) string {
			return fmt.Sprintf("%s: %d seen, Û %s", days[i], c.Points[i].Seen, brief(c.Points[i].Unseen))
		}),
	}
	if c.Expected > 0 {
		f.Legend = append(f.Legend, line("limit", "in the inventory"))
		level := float64(c.Expected)
		f.Plot.Lines = append(f.Plot.Lines, s.curve("limit", []float64{level, level}))
	}
	f.Plot.setDays(days)
	return f
}

func (p *plotView) setDays(days []schemas.Date) {
	place := func(i int) coordinate { return share(i, len(days)-1) }
	p.Ticks = ticks(len(days), place, func(i int) string { return dayLabel(days[i]) })
}

// leastE is the lowest e-value that is drawn; it can become zero.
const leastE = 1e-3

// evidenceFigure draws the e-value on a logarithmic scale, and the bar that it
// has to reach. Where a fix opens another epoch it starts again.
func evidenceFigure(id string, points []EvidencePoint) figureView {
	f := figureView{ID: id, Title: "E-value"}
	if len(points) < 2 { // there is no curve through one point
		return f
	}
	e, bar, days := make([]float64, len(points)), make([]float64, len(points)), make([]schemas.Date, len(points))
	low, high := 0.0, 0.0
	f.Data.Head = []string{"day", "e-value", "bar", "epoch"}
	for i, p := range points {
		e[i], bar[i], days[i] = math.Log10(max(p.E, leastE)), math.Log10(p.Bar), p.Date
		low, high = min(low, e[i]), max(high, e[i], bar[i])
		f.Data.Rows = append(f.Data.Rows, []string{string(p.Date), fmt.Sprintf("%.3g", p.E), fmt.Sprintf("%g", p.Bar), strconv.Itoa(p.Epoch)})
	}
	last := points[len(points)-1]
	f.Desc = fmt.Sprintf("Evidence that clients do not fail, which may be looked at as often as one likes: %.3g of %g.", last.E, last.Bar)
	f.Legend = []legendView{line("seen", "e-value"), line("limit", "enough"), line("reset", "a fix, counted anew")}
	s := scale{math.Floor(low), math.Ceil(high)}
	f.Plot = &plotView{
		Lines: []curveView{s.curve("seen", e), s.stairs("limit", bar)},
		Dots: s.dots("seen", e, func(i int) string {
			return fmt.Sprintf("%s: e-value %.3g of %g, epoch %d", days[i], points[i].E, points[i].Bar, points[i].Epoch)
		}),
	}
	step := math.Ceil((s.to - s.from) / 5)
	for v := s.from; v <= s.to; v += step {
		f.Plot.Grid = append(f.Plot.Grid, s.grid(v, strconv.FormatFloat(math.Pow(10, v), 'g', -1, 64)))
	}
	for i := 1; i < len(points); i++ {
		if points[i].Epoch > points[i-1].Epoch {
			f.Plot.Marks = append(f.Plot.Marks, lineMark{X: share(i, len(points)-1), Class: "reset", Title: fmt.Sprintf("%s: epoch %d begins", days[i], points[i].Epoch)})
		}
	}
	f.Plot.setDays(days)
	return f
}

// cleanFigure draws what folklore goes by: the days since the last failure.
func cleanFigure(id string, points []EvidencePoint, limits *schemas.GateLimits) figureView {
	f := figureView{ID: id, Title: "Days clean"}
	if len(points) < 2 {
		return f
	}
	clean, days := make([]float64, len(points)), make([]schemas.Date, len(points))
	most := 0.0
	f.Data.Head = []string{"day", "days clean"}
	for i, p := range points {
		clean[i], days[i] = float64(p.Clean), p.Date
		most = max(most, clean[i])
		f.Data.Rows = append(f.Data.Rows, []string{string(p.Date), strconv.Itoa(p.Clean)})
	}
	window := time.Duration(limits.MinWindow).Hours() / 24
	f.Desc = fmt.Sprintf("Whole days since a known client last failed: %d. This says nothing of clients that did not come.", points[len(points)-1].Clean)
	f.Legend = []legendView{line("seen", "days clean"), line("limit", fmt.Sprintf("shortest window, %s", limits.MinWindow))}
	s, grid := counts(max(most, window))
	f.Plot = &plotView{
		Grid: grid, Lines: []curveView{s.curve("seen", clean), s.curve("limit", []float64{window, window})},
		Dots: s.dots("seen", clean, func(i int) string {
			return fmt.Sprintf("%s: %s clean", days[i], plural(points[i].Clean, "day", "days"))
		}),
	}
	f.Plot.setDays(days)
	return f
}
