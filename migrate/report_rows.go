package migrate

import (
	"fmt"
	"strconv"
	"time"

	"lockstep/schemas"
)

// heatFigure draws a row per client and a mark per day. What failed is higher
// than what passed, so that one can tell them apart without colours.
func heatFigure(id string, h Heat) figureView {
	f := figureView{ID: id, Title: "Clients by day", Note: h.leftOut()}
	if len(h.Rows) == 0 || len(h.Days) == 0 {
		return f
	}
	f.Desc = fmt.Sprintf("Each row is a client, each column a day from %s to %s.", h.Days[0], h.Days[len(h.Days)-1])
	f.Legend = []legendView{box("ok", "passed"), box("fail", "failed"), box("missing", "expected, has not come"), line("month", "first of a month")}
	f.Lanes = &lanesView{Lines: firsts(h.Days), Values: true, Aside: true}
	middle := func(i int) coordinate { return (share(i, len(h.Days)) + share(i+1, len(h.Days))) / 2 }
	f.Lanes.Ticks = ticks(len(h.Days), middle, func(i int) string { return dayLabel(h.Days[i]) })
	f.Data.Head = []string{"client", "known", "standing", "passed", "failed", "reasons", "days", "last"}
	for i := range h.Rows {
		row := &h.Rows[i]
		name := printable(row.Client)
		lane := laneView{Label: name, Full: name, Value: string(row.Standing)}
		for _, cell := range row.Cells {
			if !cell.Missing {
				lane.Marks = append(lane.Marks, cellMarks(name, h.Days, cell)...)
			}
		}
		lane.Marks = append(lane.Marks, missingMarks(name, h.Days, row.Cells)...)
		f.Lanes.add(lane)
		f.Data.Rows = append(f.Data.Rows, []string{
			name, row.known(), row.standingText(), strconv.FormatUint(row.OK, 10), strconv.FormatUint(row.Fail, 10),
			reasonText(row.Reasons), strconv.Itoa(row.Days), minute(row.Last),
		})
	}
	return f
}

// cellMarks are one mark for a day, and a second where some requests passed
// and others failed.
func cellMarks(name string, days []schemas.Date, cell HeatCell) []markView {
	from, to := columns(cell.Column, cell.Column, len(days))
	title := fmt.Sprintf("%s, %s: %d passed, %d failed", name, days[cell.Column], cell.OK, cell.Fail)
	if cell.Fail > 0 {
		title += " (" + reasonText(cell.Reasons) + ")"
	}
	switch {
	case cell.Fail == 0:
		return []markView{mark("ok", title, from, to, 0.5)}
	case cell.OK == 0:
		return []markView{mark("fail", title, from, to, 1)}
	}
	return []markView{mark("fail", title, from, to, 1), mark("ok", "", from, (from+to)/2, 0.5)}
}

// columns is the place of the days from one to another, a little apart from
// the next, from 0 to 1.
func columns(first, last, n int) (from, to float64) {
	const inset = 0.04
	return (float64(first) + inset) / float64(n), (float64(last) + 1 - inset) / float64(n)
}

// missingMarks are one mark for each stretch of days that a client is overdue.
func missingMarks(name string, days []schemas.Date, cells []HeatCell) []markView {
	var marks []markView
	first := -1
	for i, cell := range cells {
		if !cell.Missing {
			continue
		}
		if first < 0 {
			first = cell.Column
		}
		if i+1 < len(cells) && cells[i+1].Missing && cells[i+1].Column == cell.Column+1 {
			continue
		}
		from, to := columns(first, cell.Column, len(days))
		marks = append(marks, mark("missing", fmt.Sprintf("%s: expected, has not come from %s to %s", name, days[first], days[cell.Column]), from, to, 0.5))
		first = -1
	}
	return marks
}

func (r *HeatRow) known() string {
	if r.How == "" {
		return "inventory"
	}
	return string(r.How)
}

// standingText says also when a client is due.
func (r *HeatRow) standingText() string {
	if r.Due.IsZero() {
		return string(r.Standing)
	}
	return fmt.Sprintf("%s, due %s", r.Standing, minute(r.Due))
}

func dayLabel(d schemas.Date) string {
	day, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return string(d)
	}
	return day.Format("2 Jan")
}

// timelineFigure draws the mode of each subject over time.
func timelineFigure(t Timeline) figureView {
	f := figureView{ID: "timeline", Title: "Modes over time", Note: t.leftOut()}
	if len(t.Lanes) == 0 {
		return f
	}
	f.Desc = fmt.Sprintf("The mode of each subject from %s to %s.", minute(t.From), minute(t.To))
	for _, mode := range []schemas.Mode{schemas.ModeDisabled, schemas.ModeObserve, schemas.ModeEnforce} {
		f.Legend = append(f.Legend, box(string(mode), string(mode)))
	}
	f.Lanes = &lanesView{Ticks: timeTicks(t.From, t.To)}
	for _, lane := range t.Lanes {
		row := laneView{Label: lane.Subject, Full: lane.Subject}
		for _, s := range lane.Stretches {
			title := fmt.Sprintf("%s: %s from %s to %s", lane.Subject, s.Mode, minute(s.From), minute(s.To))
			row.Marks = append(row.Marks, mark(string(s.Mode), title, along(t.From, t.To, s.From), along(t.From, t.To, s.To), modeHeight(s.Mode)))
		}
		f.Lanes.add(row)
	}
	f.Data = t.table()
	return f
}

// modeHeight lets a mark grow with the strictness of the mode.
func modeHeight(m schemas.Mode) float64 {
	switch m {
	case schemas.ModeDisabled:
		return 0.25
	case schemas.ModeObserve:
		return 0.55
	case schemas.ModeEnforce:
	}
	return 1
}

// table lists who changed what, one row for each subject that changed.
func (t *Timeline) table() tableView {
	table := tableView{Head: []string{"entry", "time", "who", "action", "subject", "change", "reason", "hash"}}
	for _, e := range t.Entries {
		for _, c := range e.Changes {
			table.Rows = append(table.Rows, []string{
				strconv.FormatUint(e.Seq, 10), minute(e.Time), printable(e.Who), string(e.Action), printable(c.Subject), changeText(c), because(e),
				shortHash(e.Hash),
			})
		}
	}
	return table
}

// shortHash is enough of a hash to find the entry by.
func shortHash(hash string) string {
	const start, length = len("sha256:"), 12
	if len(hash) < start+length {
		return printable(hash)
	}
	return printable(hash[start : start+length])
}

// healthFigure draws the hours of each node: when it lived, and what is missing.
func healthFigure(h Health) figureView {
	f := figureView{ID: "health", Title: "Evidence by node and hour"}
	if h.LeftOut > 0 {
		f.Note = fmt.Sprintf("and %s not shown", plural(h.LeftOut, "node", "nodes"))
	}
	if len(h.Nodes) == 0 {
		return f
	}
	f.Desc = fmt.Sprintf("The hours in which each node gave a sign of life, from %s to %s.", minute(h.From), minute(h.To))
	f.Legend = []legendView{box("ok", "sign of life"), box("fail", "silent"), box("missing", "lines missing")}
	f.Lanes = &lanesView{Ticks: timeTicks(h.From, h.To)}
	f.Data.Head = []string{"node", "first heartbeat", "last heartbeat", "silent hours", "lines missing"}
	for _, n := range h.Nodes {
		name := printable(n.Node)
		row := laneView{Label: name, Full: name}
		if n.Alive.To.After(n.Alive.From) {
			row.Marks = append(row.Marks, h.mark("ok", name, "sign of life", n.Alive, 0.5))
		}
		for _, hole := range n.Holes {
			if hole.Lines > 0 {
				row.Marks = append(row.Marks, h.mark("missing", name, plural(hole.Lines, "line is missing", "lines are missing"), hole.Period, 0.8))
			} else {
				row.Marks = append(row.Marks, h.mark("fail", name, "silent", hole.Period, 1))
			}
		}
		f.Lanes.add(row)
		f.Data.Rows = append(f.Data.Rows, []string{
			name, minute(n.First), minute(n.Last), strconv.Itoa(n.SilentHours), strconv.FormatUint(n.LinesMissing, 10),
		})
	}
	return f
}

func (h *Health) mark(class, node, what string, p Period, height float64) markView {
	title := fmt.Sprintf("%s: %s from %s to %s", node, what, minute(p.From), minute(p.To))
	return mark(class, title, along(h.From, h.To, p.From), along(h.From, h.To, p.To), height)
}
