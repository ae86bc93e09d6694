package migrate

import (
	"cmp"
	"slices"
	"time"

	"lockstep/schemas"
)

// A Heat is a map of clients and days.
type Heat struct {
	Days    []schemas.Date // up to today, without a hole
	Earlier bool           // there were days before
	Rows    []HeatRow
	LeftOut map[Standing]int // clients
}

// A HeatRow is one client. Where it is expected and has not come, there is no
// How, and Due says from when on it is missing.
type HeatRow struct {
	Client   string
	How      schemas.How
	Standing Standing
	OK, Fail uint64
	Reasons  map[schemas.Reason]uint64
	Last     time.Time // request; zero if there was none
	Due      time.Time // zero unless it has not come
	Days     int       // with traffic
	Cells    []HeatCell
}

// A HeatCell is a day of a client: not silent, or missing.
type HeatCell struct {
	Column   int // of Heat.Days
	OK, Fail uint64
	Reasons  map[schemas.Reason]uint64
	Missing  bool
}

// newHeat draws up the last days. Clients that need a person come first, then
// those that came least: a nightly job is what one looks for.
func newHeat(now time.Time, visitors []*visitor, listed map[clientKey]Standing, unseen map[string]schemas.UnseenClient) Heat {
	h := Heat{LeftOut: map[Standing]int{}}
	first := h.addDays(now, visitors)
	var rows []HeatRow
	for _, v := range visitors {
		if _, missing := unseen[v.name]; !missing { // else it came before the time that counts, and has one row
			rows = append(rows, newHeatRow(v, v.standing(listed), first, len(h.Days)))
		}
	}
	for _, u := range unseen {
		rows = append(rows, unseenRow(u, visitors, first, len(h.Days)))
	}
	slices.SortFunc(rows, func(a, b HeatRow) int {
		return cmp.Or(a.Standing.compare(b.Standing), cmp.Compare(a.Days, b.Days), cmp.Compare(a.Client, b.Client), cmp.Compare(a.How, b.How))
	})
	for i := maxRows; i < len(rows); i++ {
		h.LeftOut[rows[i].Standing]++
	}
	h.Rows = rows[:min(len(rows), maxRows)]
	return h
}

// addDays makes columns from the first day with traffic to today, and returns
// the first as a day since 1970.
func (h *Heat) addDays(now time.Time, visitors []*visitor) int64 {
	today := dayOf(now)
	first, earliest := today, today-maxDays+1
	for _, v := range visitors {
		for day := range v.visits {
			first = min(first, day)
		}
	}
	h.Earlier = first < earliest
	first = max(first, earliest)
	for day := first; day <= today; day++ {
		h.Days = append(h.Days, dateOf(day))
	}
	return first
}

func newHeatRow(v *visitor, standing Standing, first int64, columns int) HeatRow {
	row := HeatRow{
		Client: v.name, How: v.how, Standing: standing, OK: v.ok, Fail: v.fail, Reasons: v.reasons, Last: utc(max(v.lastOK, v.lastFail)), Days: len(v.visits),
	}
	row.addVisits(v, first, columns)
	return row
}

func (r *HeatRow) addVisits(v *visitor, first int64, columns int) {
	for column := range columns {
		if on := v.visits[first+int64(column)]; on != nil {
			r.Cells = append(r.Cells, HeatCell{Column: column, OK: on.ok, Fail: on.fail, Reasons: on.reasons})
		}
	}
}

// unseenRow shows an expected client: its visits before the time that counts,
// and since when it is overdue.
func unseenRow(u schemas.UnseenClient, visitors []*visitor, first int64, columns int) HeatRow {
	row := HeatRow{Client: u.Client, Standing: StandingUnseen}
	if u.Last != nil {
		row.Last = *u.Last
	}
	if u.Due != nil {
		row.Due = *u.Due
	}
	came := map[int]bool{}
	for _, v := range visitors {
		if v.name == u.Client {
			row.addVisits(v, first, columns)
		}
	}
	for _, cell := range row.Cells {
		came[cell.Column] = true
	}
	for column := range columns {
		if !row.Due.IsZero() && first+int64(column) >= dayOf(row.Due) && !came[column] {
			row.Cells = append(row.Cells, HeatCell{Column: column, Missing: true})
		}
	}
	return row
}

// dayOf is the day of a moment since 1970.
func dayOf(t time.Time) int64 { return t.UnixMilli() / dayMS }
