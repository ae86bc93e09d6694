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

// laneHeight is the height of a lane in pixels.
const laneHeight = 20

// A lanesView is a chart of rows with marks along one axis. Places are in
// percent of the width, so that the chart fits every screen and the text
// keeps its size.
type lanesView struct {
	Rows   []laneView
	Lines  []lineMark // across all rows
	Ticks  []tickView
	Values bool // there is a column of values
	Aside  bool // which a small screen has no room for
}

// A laneView is one row.
type laneView struct {
	Label, Full, Value string
	Marks              []markView
}

// A markView is one rectangle, in percent of the width and pixels.
type markView struct {
	Class, Title string
	X, Width     coordinate
	Y, Height    coordinate
}

// A lineMark is a line across a chart at a place in percent.
type lineMark struct {
	X            coordinate
	Class, Title string
}

// A tickView is a label of the axis. Where there is no room, those between
// are left out.
type tickView struct {
	X             coordinate
	Anchor, Label string
	Between       bool
}

// A coordinate is written with two decimals at most.
type coordinate float64

// String implements [fmt.Stringer].
func (n coordinate) String() string {
	return strconv.FormatFloat(math.Round(float64(n)*100)/100, 'f', -1, 64)
}

// Height is that of all rows, in pixels.
func (l *lanesView) Height() int { return laneHeight * len(l.Rows) }

// Total is the height with the axis.
func (l *lanesView) Total() int {
	if len(l.Ticks) == 0 {
		return l.Height()
	}
	return l.Height() + laneHeight
}

// Axis is where the labels of the axis stand.
func (l *lanesView) Axis() int { return l.Height() + laneHeight*3/4 }

// Middle is the upper edge of the track behind a row, in pixels.
func (l *lanesView) Middle(row int) int { return laneHeight*row + laneHeight/2 - 1 }

// add puts a row below the others.
func (l *lanesView) add(row laneView) {
	top := coordinate(laneHeight * len(l.Rows))
	for i := range row.Marks {
		row.Marks[i].Y += top
	}
	l.Rows = append(l.Rows, row)
}

// mark makes a mark of a share of the lane's height, which grows from its middle.
func mark(class, title string, from, to, height float64) markView {
	const gap = 2
	full := float64(laneHeight - gap)
	return markView{
		Class: class, Title: title, X: coordinate(100 * from), Width: coordinate(100 * (to - from)),
		Y: coordinate(gap/2 + full*(1-height)/2), Height: coordinate(full * height),
	}
}

// ticks labels an axis of n points at its ends and between, so few that labels
// do not touch. The place of a point is in percent.
func ticks(n int, place func(i int) coordinate, label func(i int) string) []tickView {
	const most = 4
	var all []tickView
	step := max(1, (n-1+most-1)/most)
	for i := 0; i < n; i += step {
		all = append(all, tickView{X: place(i), Anchor: "middle", Label: label(i), Between: len(all)%2 == 1})
	}
	if n > 0 {
		all[0].Anchor = "start"
	}
	if last := len(all) - 1; last > 0 && all[last].X > 90 {
		all[last].Anchor = "end"
	}
	return all
}

// share is the place of point i of 0 to n, in percent.
func share(i, n int) coordinate { return coordinate(100 * float64(i) / float64(max(n, 1))) }

// timeTicks labels an axis of time.
func timeTicks(from, to time.Time) []tickView {
	const parts = 4
	layout := "2 Jan"
	if to.Sub(from) < 2*days {
		layout = "2 Jan 15:04"
	}
	place := func(i int) coordinate { return share(i, parts) }
	return ticks(parts+1, place, func(i int) string {
		return from.Add(to.Sub(from) * time.Duration(i) / parts).UTC().Format(layout)
	})
}

// along is where a moment lies between two others, from 0 to 1.
func along(from, to, at time.Time) float64 {
	if !to.After(from) {
		return 0
	}
	return min(1, max(0, float64(at.Sub(from))/float64(to.Sub(from))))
}

// riskFigure draws what the risk is made of as a waterfall, beside its limit.
func riskFigure(id string, parts *schemas.Risk) figureView {
	f := figureView{ID: id, Title: "Risk"}
	if parts == nil {
		return f
	}
	f.Desc = fmt.Sprintf("Clients that enforcing is expected to refuse within five weeks: %s. The limit is %g.", brief(parts.Total), parts.Limit)
	scale := 1.1 * max(parts.Total, parts.Limit, 1e-9)
	f.Lanes = &lanesView{Values: true, Lines: []lineMark{{X: coordinate(100 * parts.Limit / scale), Class: "limit", Title: fmt.Sprintf("limit %g", parts.Limit)}}}
	f.Legend = []legendView{box("bar", "expected to be refused"), line("limit", fmt.Sprintf("limit %g", parts.Limit))}
	f.Data.Head = []string{"part", "clients"}
	from := 0.0
	for _, part := range []struct {
		label string
		value float64
	}{{"have not come", parts.Unseen}, {"repaired", parts.Repaired}, {"nobody named", parts.Unknown}, {"total", parts.Total}} {
		if part.label == "total" {
			from = 0
		}
		value := brief(part.value)
		row := laneView{Label: part.label, Full: part.label, Value: value}
		if part.value > 0 {
			row.Marks = append(row.Marks, mark("bar", part.label+": "+value, from/scale, (from+part.value)/scale, 0.6))
		}
		f.Lanes.add(row)
		f.Data.Rows = append(f.Data.Rows, []string{part.label, value})
		from += part.value
	}
	return f
}

// causeFigure draws causes by the clients they hold up, the requests beside.
func causeFigure(id string, causes []Cause) figureView {
	f := figureView{ID: id, Title: "Failures by cause", Desc: "How many clients fail for which reason; one that fails often counts once."}
	if len(causes) == 0 {
		return f
	}
	f.Lanes = &lanesView{Values: true}
	f.Data.Head = []string{"cause", "reason", "clients", "requests", "fix"}
	most := slices.MaxFunc(causes, func(a, b Cause) int { return a.Clients - b.Clients }).Clients
	for _, c := range causes {
		value := plural(c.Clients, "client", "clients")
		bar := mark("fail", c.What+": "+value, 0, float64(c.Clients)/float64(most), 0.6)
		f.Lanes.add(laneView{Label: c.What, Full: c.What, Value: value, Marks: []markView{bar}})
		f.List = append(f.List, words(c.What+": "+c.Fix))
		f.Data.Rows = append(f.Data.Rows, []string{
			c.What, string(c.Reason), strconv.Itoa(c.Clients), strconv.FormatUint(c.Requests, 10), c.Fix,
		})
	}
	return f
}

// firsts marks the firsts of months among days.
func firsts(days []schemas.Date) []lineMark {
	var lines []lineMark
	for i, day := range days {
		if i > 0 && strings.HasSuffix(string(day), "-01") {
			lines = append(lines, lineMark{X: share(i, len(days)), Class: "month", Title: "the first of a month, " + string(day)})
		}
	}
	return lines
}
