package logdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep/schemas"
)

// What the columns of an answer are called that are no fields of the log.
const (
	countName = "lockstep_n"
	firstName = "lockstep_first"
	lastName  = "lockstep_last"
	hoursName = "lockstep_hours"
	hourName  = "lockstep_hour"
)

// logsQL makes the questions of a window in LogsQL.
type logsQL struct {
	layout schemas.LogDatabase
	fields []string
}

func newLogsQL(o *Options) (*logsQL, error) {
	if err := onlyLayouts(o, victoriaLayouts()...); err != nil {
		return nil, err
	}
	q := &logsQL{layout: o.Layout}
	for name, set := range map[string]string{"table": q.layout.Table, "time": q.layout.Time, "time_column": q.layout.TimeColumn} {
		if set != "" {
			return nil, schemas.Hint(fmt.Errorf("databases.victorialogs.%s: VictoriaLogs has none", name), "leave it out: the time of a line is _time")
		}
	}
	if q.layout.Where == "" {
		q.layout.Where = "*"
	}
	if q.layout.Body == "" {
		q.layout.Body = "_msg"
	}
	for _, path := range o.Fields {
		name := pathName(path)
		if own := q.layout.Fields[name]; own != "" {
			name = own
		}
		q.fields = append(q.fields, name)
	}
	return q, nil
}

// groups asks how often each combination of values occurs. The hour is cut out
// of the time as it is written: a number with a fraction could round it up.
func (q *logsQL) groups(w Window) string {
	by := make([]string, len(q.fields))
	for i, name := range q.fields {
		by[i] = strconv.Quote(name)
	}
	stats := "stats "
	if len(by) > 0 {
		stats += "by (" + strings.Join(by, ", ") + ") "
	}
	return q.from(w) + q.unpacked() + "\n| extract \"T<" + hourName + ">:\" from _time\n| " + stats +
		"count() as " + countName + ", min(_time) as " + firstName + ", max(_time) as " + lastName + ", uniq_values(" + hourName + ") as " + hoursName
}

// unpacked has the fields of a body among the others.
func (q *logsQL) unpacked() string {
	pipes := ""
	if q.layout.Preset == schemas.LayoutJSON {
		pipes = "\n| unpack_json from " + strconv.Quote(q.layout.Body)
	}
	if q.layout.Pipe != "" {
		pipes += "\n| " + q.layout.Pipe
	}
	return pipes
}

func (q *logsQL) count(w Window) string { return q.from(w) + "\n| stats count() as " + countName }

func (q *logsQL) lines(w Window) string {
	return q.from(w) + "\n| fields " + strconv.Quote(q.layout.Body)
}

func (q *logsQL) from(w Window) string {
	return "_time:[" + w.From.UTC().Format(time.RFC3339Nano) + ", " + w.To.UTC().Format(time.RFC3339Nano) + ") (" + q.layout.Where + ")"
}

// Queries implements [Database].
func (q *logsQL) Queries(w Window, raw bool) []string {
	if raw {
		return []string{q.lines(w), q.count(w)}
	}
	return []string{q.groups(w), q.count(w)}
}

// An object is a line of an answer: all values are texts.
type object map[string]string

func (o object) number(name string) (uint64, error) {
	n, err := strconv.ParseUint(o[name], 10, 64)
	if err != nil {
		return 0, problem(OfWindow, "a count of the answer is not a number")
	}
	return n, nil
}

// moment is a time in milliseconds.
func (o object) moment(name string) (uint64, error) {
	at, err := time.Parse(time.RFC3339Nano, o[name])
	if err != nil || at.UnixMilli() < 0 {
		return 0, problem(OfWindow, "a moment of the answer is none")
	}
	return uint64(at.UnixMilli()), nil //nolint:gosec // it is not negative
}

// hours is a set of hours as a mask.
func (o object) hours(name string) (uint64, error) {
	var hours []string
	err := json.Unmarshal([]byte(o[name]), &hours)
	mask := uint64(0)
	for _, hour := range hours {
		n, wrong := strconv.ParseUint(hour, 10, 8)
		if wrong != nil || n > 23 {
			err = errors.Join(err, errors.New("not an hour"))
			continue
		}
		mask |= 1 << n
	}
	if err != nil {
		return 0, problem(OfWindow, "the hours of a row cannot be read")
	}
	return mask, nil
}

// row reads a row of groups.
func (q *logsQL) row(o object) (Row, error) {
	row := Row{Values: make([]any, len(q.fields))}
	var numbers [4]uint64
	var err error
	if numbers[0], err = o.number(countName); err != nil || numbers[0] == 0 {
		return row, err
	}
	var errs [3]error
	numbers[1], errs[0] = o.moment(firstName)
	numbers[2], errs[1] = o.moment(lastName)
	numbers[3], errs[2] = o.hours(hoursName)
	for _, err := range errs {
		if err != nil {
			return row, err
		}
	}
	known := slices.Concat(q.fields, []string{countName, firstName, lastName, hoursName})
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(known, name) {
			return row, problem(OfWindow, "a row has a field that nobody has asked for")
		}
	}
	for i, name := range q.fields {
		if text := o[name]; text != "" { // which there is the same as no field
			row.Values[i] = text
		}
	}
	return row, row.set(numbers)
}
