package logdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// A Window is a stretch of time, with its beginning and without its end.
type Window struct{ From, To time.Time }

// A Row is how often one combination of values occurs in a window.
type Row struct {
	Values  []any // of the fields in the order of [Options]: nil for what is not there, else text, bool, [json.Number] or what JSON has besides
	Count   uint64
	FirstMS int64  // Unix time in milliseconds
	LastMS  int64  // the same
	Hours   uint32 // bit h: traffic in UTC hour h of the day; a window is of one day
}

// A Database is a log database that is asked about one table. What it could
// not do is a [*Problem].
type Database interface {
	// Queries are the texts that are sent for a window, for people: how its
	// groups or, if raw is set, its lines are asked for, and how many lines it has.
	Queries(w Window, raw bool) []string

	// Ready makes sure that the database gives whole answers or none.
	Ready(ctx context.Context) error

	// Groups yields the rows of a window. Only when it returns without an
	// error have all of them been yielded.
	Groups(ctx context.Context, w Window, yield func(Row) error) error

	// Count counts the lines of a window: what the counts of its rows sum up to.
	Count(ctx context.Context, w Window) (uint64, error)

	// Lines yields the lines of a window as they were logged, like Groups.
	Lines(ctx context.Context, w Window, yield func(line string) error) error
}

// Options say what is asked, and how.
type Options struct {
	Address Address
	Layout  schemas.LogDatabase
	Fields  [][]string    // paths of the fields that lines are grouped by
	Time    []string      // path of the time of a line; nil if it is not simply a field
	Unit    time.Duration // that the time counts, as a number; 0 if it is no number

	Secret   func(schemas.SecretRef) (schemas.Secret, error)
	ReadFile func(path string) ([]byte, error) // of the CA
	Run      Runner                            // of DuckDB
}

// Open makes a database of an address. Nothing is dialled or run yet.
func Open(o Options) (Database, error) {
	if o.Address.Table != "" {
		o.Layout.Table = o.Address.Table
	}
	if o.Layout.Preset == "" {
		o.Layout.Preset = schemas.LayoutColumns
	}
	switch o.Address.Engine {
	case schemas.EngineClickHouse:
		return openClickHouse(o)
	case schemas.EngineVictoriaLogs:
		return openVictoriaLogs(o)
	case schemas.EngineDuckDB:
		return openDuckDB(o)
	}
	return nil, fmt.Errorf("there is no engine %q", o.Address.Engine)
}

// A Problem is why a window, or all of a database, could not be read. It
// quotes nothing of a log.
type Problem struct {
	Reason string
	Scope  Scope
}

// A Scope says what a [Problem] is one of.
type Scope int

// The scopes.
const (
	OfWindow   Scope = iota // which may do better another time
	OfSize                  // less at once may do
	OfDatabase              // it is no use to go on asking
)

// Error implements [error].
func (p *Problem) Error() string { return p.Reason }

func problem(scope Scope, format string, args ...any) error {
	return &Problem{Reason: fmt.Sprintf(format, args...), Scope: scope}
}

// asProblem makes a [*Problem] of whatever went wrong while an answer was read.
func asProblem(err error, what string) error {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	return problem(OfWindow, "%s: %s", what, withoutURL(err))
}

// check finds what no window of lines can have made.
func (r *Row) check(w Window) error {
	from, to := w.From.UnixMilli(), w.To.UnixMilli()
	hour := func(ms int64) int { return int(ms / time.Hour.Milliseconds() % 24) }
	if r.FirstMS < from || r.FirstMS > r.LastMS || r.LastMS >= to {
		return problem(OfWindow, "a row is of another time than it was asked for")
	}
	bits := bitsBetween(hour(r.FirstMS), hour(r.LastMS))
	ends := uint32(1)<<hour(r.FirstMS) | uint32(1)<<hour(r.LastMS)
	if r.Hours&^bits != 0 || r.Hours&ends != ends {
		return problem(OfWindow, "the hours of a row do not agree with its first and last moment")
	}
	return nil
}

// bitsBetween has the bits from one number to another, both included.
func bitsBetween(from, to int) uint32 { return uint32(1)<<(to+1) - uint32(1)<<from }

// pathName joins a path, as fields are named where they have no depth.
func pathName(path []string) string { return strings.Join(path, ".") }

// onlyLayouts refuses a preset that an engine does not have.
func onlyLayouts(o *Options, known ...schemas.LogLayout) error {
	if slices.Contains(known, o.Layout.Preset) {
		return nil
	}
	return schemas.Hint(fmt.Errorf("databases.%s.preset: %s has no preset %s", o.Address.Engine, o.Address.Engine, o.Layout.Preset),
		fmt.Sprintf("use one of %v", known))
}
