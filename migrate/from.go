package migrate

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"lockstep/migrate/logdb"
	"lockstep/schemas"
)

// DatabaseOptions say what a log database is asked.
type DatabaseOptions struct {
	Address     logdb.Address
	Dialect     Dialect
	Environment string    // as in [Options]
	From, To    time.Time // of all windows
	Complete    time.Time // the moment up to which all lines have had the time to come in
	Raw         bool      // have it send lines, which the dialect then reads

	Secret   func(schemas.SecretRef) (schemas.Secret, error)
	ReadFile func(path string) ([]byte, error)
	Run      logdb.Runner
}

// A LogDatabase is a [Contributor] that asks a log database for tallies, or
// for lines: window by window, each of a UTC day or less.
type LogDatabase struct {
	db     logdb.Database
	name   string
	raw    bool
	days   []logdb.Window
	late   logdb.Window // of which lines may still arrive
	tuples tupleMaker
	number []bool // by field: it is compared with numbers
	opts   Options
}

// NewLogDatabase makes the questions for a log database. It dials nothing.
func NewLogDatabase(o DatabaseOptions) (*LogDatabase, error) {
	to := o.To
	if to.After(o.Complete) {
		to = o.Complete
	}
	d := &LogDatabase{
		name: o.Address.String(), raw: o.Raw, days: windowsOf(o.From, to), late: logdb.Window{From: to, To: o.To},
		opts: Options{Dialect: o.Dialect, Environment: o.Environment},
	}
	if len(d.days) == 0 {
		return nil, schemas.Hint(fmt.Errorf("%s: there is no time to ask for", d.name), "let --since be earlier, or --until later")
	}
	ask := logdb.Options{Address: o.Address, Secret: o.Secret, ReadFile: o.ReadFile, Run: o.Run}
	m, ok := o.Dialect.(*mapping)
	switch {
	case ok:
		if err := d.expect(m, &ask); err != nil {
			return nil, fmt.Errorf("dialect %s: %w", m.name, err)
		}
	case !o.Raw:
		return nil, schemas.Hint(fmt.Errorf("%s: only a mapping of the policy can be counted by a log database", d.name),
			"select it with --dialect, or give --raw to have the lines sent")
	}
	var err error
	if d.db, err = logdb.Open(ask); err != nil {
		return nil, fmt.Errorf("%s: %w", d.name, err)
	}
	return d, nil
}

// windowsOf cuts a time into UTC days.
func windowsOf(from, to time.Time) []logdb.Window {
	var windows []logdb.Window
	from, to = from.UTC().Truncate(time.Millisecond), to.UTC().Truncate(time.Millisecond)
	for from.Before(to) {
		next := from.Truncate(24 * time.Hour).Add(24 * time.Hour)
		if next.After(to) {
			next = to
		}
		windows = append(windows, logdb.Window{From: from, To: next})
		from = next
	}
	return windows
}

// halves cuts a window in two at a whole hour; ok is false where it has no two.
func halves(w logdb.Window) (first, second logdb.Window, ok bool) {
	middle := w.From.Add(w.To.Sub(w.From) / 2).Truncate(time.Hour)
	if !middle.After(w.From) {
		middle = w.From.Truncate(time.Hour).Add(time.Hour)
	}
	return logdb.Window{From: w.From, To: middle}, logdb.Window{From: middle, To: w.To}, middle.Before(w.To)
}

// expect says which fields a mapping needs, and where its time is.
func (d *LogDatabase) expect(m *mapping, ask *logdb.Options) error {
	own := *m.inFile("")
	own.nodes = nil // a database is no file that could name one
	d.opts.Dialect = &own
	d.tuples = own.tuples()
	ask.Layout = m.def.Databases[ask.Address.Engine]
	numbers := m.numbers()
	for _, path := range d.tuples.fields {
		ask.Fields = append(ask.Fields, path)
		d.number = append(d.number, numbers[path.String()])
	}
	if !d.raw && !m.readsFields() {
		return schemas.Hint(errors.New("it cannot be told which fields its expressions read"), "name them instead of using $env, or give --raw")
	}
	if path, ok := pathOf(m.when.node(), nil); ok {
		ask.Time, ask.Unit = path, m.clock.numeric()
	}
	return nil
}

// readsFields reports whether it can be told which fields a mapping reads.
func (m *mapping) readsFields() bool {
	found := needsFinder{}
	for _, e := range m.expressions() {
		found.walk(e.node(), nil)
	}
	return !found.unclear
}

// numeric is what the numbers of a clock count; 0 if its times are texts.
func (c clock) numeric() time.Duration {
	if c.layout != "" {
		return 0
	}
	return time.Duration(c.unit * float64(time.Millisecond))
}

// WriteQueries shows what would be asked: the queries of the first window, and
// how many follow.
func (d *LogDatabase) WriteQueries(w io.Writer) error {
	first := d.days[0]
	lines := []string{"# " + d.name, "# " + minute(first.From) + " to " + minute(first.To)}
	if n := len(d.days) - 1; n > 0 {
		lines[1] += fmt.Sprintf(", and %s more, up to %s", plural(n, "window", "windows"), minute(d.days[n].To))
	}
	for _, query := range d.db.Queries(first, d.raw) {
		lines = append(lines, query+"\n")
	}
	if _, err := io.WriteString(w, strings.Join(lines, "\n")+"\n"); err != nil {
		return fmt.Errorf("write queries: %w", err)
	}
	return nil
}
