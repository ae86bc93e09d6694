package logdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep/schemas"
)

// sqlWords are what differs between engines that speak SQL.
type sqlWords interface {
	presets() []schemas.LogLayout
	name(name string) string                // quoted
	text(text string) string                // quoted
	json(body string, path []string) string // the JSON of a field within a body; empty or NULL if there is none
	moment(column string) string            // in milliseconds
	whole(expression string) string         // as an unsigned number
	count() string                          // of rows
	hours(ms string) string                 // the mask of those in which moments lie
	date(unix int64) string                 // a moment to compare a column of dates with
	slack() time.Duration                   // that such a comparison may be off, for the zone of a session
}

// sql makes the questions of a window.
type sql struct {
	words  sqlWords
	fields []sqlField
	layout schemas.LogDatabase
	time   string // expression, in milliseconds
}

// A sqlField is one that rows are grouped by.
type sqlField struct {
	expression string
	json       bool // its text is JSON
}

// newSQL finds an expression for each field, and for the time.
func newSQL(o *Options, words sqlWords) (*sql, error) {
	if err := onlyLayouts(o, words.presets()...); err != nil {
		return nil, err
	}
	s := &sql{words: words, layout: o.Layout}
	place := "databases." + string(o.Address.Engine)
	if o.Layout.Pipe != "" {
		return nil, schemas.Hint(errors.New(place+".pipe: only VictoriaLogs has pipes"), "write expressions under fields")
	}
	if s.layout.Table == "" && o.Layout.Preset == schemas.LayoutOTel {
		s.layout.Table = "otel_logs"
	}
	if s.layout.Table == "" {
		return nil, schemas.Hint(errors.New(place+".table is missing"), "name the table there, or in the URL as in ?table=auth")
	}
	if s.layout.Body == "" {
		s.layout.Body = "Body"
	}
	if s.layout.TimeColumn == "" && o.Layout.Preset == schemas.LayoutOTel {
		s.layout.TimeColumn = "Timestamp"
	}
	for _, path := range o.Fields {
		s.fields = append(s.fields, s.field(path))
	}
	return s, s.setTime(o, place)
}

// otelColumns are those of OpenTelemetry's table that are no attributes.
func otelColumns() []string {
	return []string{"Timestamp", "TraceId", "SpanId", "SeverityText", "SeverityNumber", "ServiceName", "Body", "ScopeName", "EventName"}
}

// field finds the expression of a field.
func (s *sql) field(path []string) sqlField {
	if own := s.layout.Fields[pathName(path)]; own != "" {
		return sqlField{expression: "(" + own + ")"}
	}
	switch {
	case s.layout.Preset == schemas.LayoutJSON:
		return sqlField{s.words.json(s.words.name(s.layout.Body), path), true}
	case s.layout.Preset == schemas.LayoutOTel && (len(path) > 1 || !slices.Contains(otelColumns(), path[0])):
		attributes := "LogAttributes"
		if path[0] == "resource" && len(path) > 1 {
			attributes, path = "ResourceAttributes", path[1:]
		}
		return sqlField{expression: attributes + "[" + s.words.text(pathName(path)) + "]"}
	}
	return sqlField{expression: s.words.name(pathName(path))}
}

// setTime finds the expression of the time.
func (s *sql) setTime(o *Options, place string) error {
	switch {
	case o.Layout.Time != "":
		s.time = "(" + o.Layout.Time + ")"
	case o.Layout.Preset == schemas.LayoutOTel:
		s.time = s.words.moment(s.words.name(s.layout.TimeColumn))
	case o.Layout.Preset == schemas.LayoutColumns && o.Time != nil && o.Unit == time.Millisecond:
		s.time = s.field(o.Time).expression
	case o.Layout.Preset == schemas.LayoutColumns && o.Time != nil && o.Unit == time.Second:
		s.time = "round(" + s.field(o.Time).expression + " * 1000)"
	default:
		return schemas.Hint(errors.New(place+".time is missing"),
			fmt.Sprintf("write what the engine takes for the milliseconds since 1970, such as %s of a column `at`", s.words.moment("at")))
	}
	return nil
}

// groups asks how often each combination of values occurs. It has no query
// within, so that shards send groups and not lines.
func (s *sql) groups(w Window) string {
	var names, columns []string
	for i, f := range s.fields {
		name := "lockstep_" + strconv.Itoa(i)
		names, columns = append(names, name), append(columns, f.expression+" AS "+name)
	}
	ms := s.words.whole(s.time)
	columns = append(columns, s.words.count()+" AS lockstep_n", "min("+ms+") AS lockstep_first", "max("+ms+") AS lockstep_last",
		s.words.hours(ms)+" AS lockstep_hours")
	query := "SELECT " + strings.Join(columns, ",\n  ") + "\n" + s.from(w)
	if len(names) > 0 {
		query += "\nGROUP BY " + strings.Join(names, ", ")
	}
	return query
}

func (s *sql) count(w Window) string {
	return "SELECT " + s.words.count() + " AS lockstep_n\n" + s.from(w)
}

func (s *sql) lines(w Window) string {
	return "SELECT " + s.words.name(s.layout.Body) + " AS lockstep_line\n" + s.from(w)
}

// sample asks for the time of any row, and for what the engine finds rows by.
func (s *sql) sample() string {
	columns := []string{s.time + " AS lockstep_time"}
	if s.layout.TimeColumn != "" {
		columns = append(columns, s.words.name(s.layout.TimeColumn)+" AS lockstep_date")
	}
	return "SELECT " + strings.Join(columns, ", ") + "\nFROM " + s.layout.Table + " LIMIT 1"
}

// checkTime refuses a time that is not in milliseconds of this century: no
// window would have a line, and that would look as if all were well.
func checkTime(value any) error {
	var ms float64
	switch v := value.(type) {
	case nil: // a row that no window has
		return nil
	case json.Number:
		ms, _ = v.Float64() // 0 is refused, too
	case string: // as which DuckDB writes large numbers
		ms, _ = strconv.ParseFloat(v, 64)
	}
	from, to := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	if ms < float64(from.UnixMilli()) || ms > float64(to.UnixMilli()) {
		return errTime()
	}
	return nil
}

func errTime() error {
	return problem(OfDatabase, "its times are no milliseconds since 1970: write an expression for them as `time` of the mapping's database")
}

// from has the rows of a window. A column of dates is compared as well where
// there is one, for the engine to find them by.
func (s *sql) from(w Window) string {
	conditions := []string{
		fmt.Sprintf("%s >= %d", s.time, w.From.UnixMilli()), fmt.Sprintf("%s < %d", s.time, w.To.UnixMilli()),
	}
	if s.layout.TimeColumn != "" {
		column := s.words.name(s.layout.TimeColumn)
		first, last := w.From.Add(-s.words.slack()), w.To.Add(s.words.slack()+time.Second-1) // whole seconds, and none too few
		conditions = append(conditions, column+" >= "+s.words.date(first.Unix()), column+" <= "+s.words.date(last.Unix()))
	}
	if s.layout.Where != "" {
		conditions = append(conditions, "("+s.layout.Where+"\n)") // it may end in a comment
	}
	return "FROM " + s.layout.Table + " WHERE " + strings.Join(conditions, " AND ")
}

// Queries implements [Database].
func (s *sql) Queries(w Window, raw bool) []string {
	if raw {
		return []string{s.lines(w), s.count(w)}
	}
	return []string{s.groups(w), s.count(w)}
}
