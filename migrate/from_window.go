package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lockstep/migrate/logdb"
	"lockstep/schemas"
)

// windowMemory is what the tallies of a window may take in memory until it is
// known that they are complete.
const windowMemory = 16 << 20

// contribute implements [Contributor].
func (d *LogDatabase) contribute(ctx context.Context, f *Fold) error {
	f.reaches(d.name, d.late.To, "nothing was asked of it that is later; move --until")
	if d.late.To.After(d.late.From) {
		f.missed(UnknownWindow{Source: d.name, From: d.late.From, To: d.late.To, Reason: "lines of then may still arrive"})
	}
	all := logdb.Window{From: d.days[0].From, To: d.days[len(d.days)-1].To}
	lines, holes := f.Coverage.Lines, len(f.unknown)
	if err := d.askAll(ctx, f, all); err != nil {
		return err
	}
	// Who asks the wrong table must not take its silence for peace. Where only
	// failures are logged, silence is what is hoped for.
	if f.Coverage.Lines == lines && len(f.unknown) == holes && !f.profile.FailuresOnly {
		f.missed(UnknownWindow{Source: d.name, From: all.From, To: all.To, Reason: "it has no line of all that time"})
	}
	return nil
}

// askAll asks day by day, as long as that is of any use.
func (d *LogDatabase) askAll(ctx context.Context, f *Fold, all logdb.Window) error {
	if err := d.db.Ready(ctx); err != nil {
		return d.lost(ctx, f, all, err)
	}
	for _, day := range d.days {
		err := d.ask(ctx, f, day)
		if scopeOf(err) == logdb.OfDatabase {
			return d.lost(ctx, f, logdb.Window{From: day.From, To: all.To}, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// scopeOf is that of a problem; -1 for anything else.
func scopeOf(err error) logdb.Scope {
	if p, ok := errors.AsType[*logdb.Problem](err); ok {
		return p.Scope
	}
	return -1
}

// lost notes a window that could not be read. That somebody gave up, and what
// goes wrong on our side, ends all instead.
func (d *LogDatabase) lost(ctx context.Context, f *Fold, w logdb.Window, why error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("ask %s: %w", d.name, err)
	}
	p, ok := errors.AsType[*logdb.Problem](why)
	if !ok {
		return fmt.Errorf("ask %s: %w", d.name, why)
	}
	f.missed(UnknownWindow{Source: d.name, From: w.From, To: w.To, Reason: p.Reason})
	return nil
}

// ask takes in a window, in halves where the engine refuses so much at once.
// What fails may do better a second time, for lines may just have come in.
func (d *LogDatabase) ask(ctx context.Context, f *Fold, w logdb.Window) error {
	take := d.take
	if d.raw {
		take = d.takeLines
	}
	err := take(ctx, f, w)
	if scopeOf(err) == logdb.OfWindow && ctx.Err() == nil {
		err = take(ctx, f, w)
	}
	if scopeOf(err) == logdb.OfDatabase {
		return err
	}
	if first, second, ok := halves(w); ok && scopeOf(err) == logdb.OfSize {
		if err := d.ask(ctx, f, first); err != nil {
			return err
		}
		return d.ask(ctx, f, second)
	}
	if err != nil {
		return d.lost(ctx, f, w, err)
	}
	return nil
}

// take has a window counted. Nothing of it goes into the fold before the
// counts of its groups sum up to the number of its lines.
func (d *LogDatabase) take(ctx context.Context, f *Fold, w logdb.Window) error {
	lines, err := d.db.Count(ctx, w)
	if err != nil {
		return err //nolint:wrapcheck // a problem is worded by whoever asks
	}
	table := newTallyTable()
	part := &windowFold{LogDatabase: d, spill: &tallySpill{memory: windowMemory, table: table}, file: d.name + " " + w.From.Format(time.DateOnly)}
	defer part.spill.Close()
	err = d.db.Groups(ctx, w, func(row logdb.Row) error { return part.add(ctx, &row) })
	if err != nil {
		return err //nolint:wrapcheck // the same
	}
	if part.coverage.Lines != lines {
		return &logdb.Problem{Reason: fmt.Sprintf("it has %d lines, and its groups hold %d", lines, part.coverage.Lines), Scope: logdb.OfWindow}
	}
	return part.moveTo(ctx, f)
}

// A windowFold is what the rows of a window say.
type windowFold struct {
	*LogDatabase

	file     string // as samples name it
	spill    *tallySpill
	coverage Coverage
	samples  []Sample
}

// add takes in a row. Its values are as those of a line that they stand for.
func (p *windowFold) add(ctx context.Context, row *logdb.Row) error {
	for i, value := range row.Values {
		row.Values[i] = p.valueOf(i, value)
	}
	p.coverage.Lines = schemas.SumCounts(p.coverage.Lines, row.Count)
	e, ok, err := p.tuples.tupleEvent(row.Values, utc(row.FirstMS))
	switch {
	case err != nil:
		p.coverage.Unparsed = schemas.SumCounts(p.coverage.Unparsed, row.Count)
		if s := (Sample{File: p.file, Reason: err.Error()}); !slices.Contains(p.samples, s) {
			p.samples = firstSamples(p.samples, []Sample{s})
		}
	case !ok || (p.opts.Environment != "" && e.Environment != p.opts.Environment):
		p.coverage.Ignored = schemas.SumCounts(p.coverage.Ignored, row.Count)
	default:
		p.coverage.Parsed = schemas.SumCounts(p.coverage.Parsed, row.Count)
		key, _ := e.Tally()
		p.spill.table.add(key, schemas.Tally{Count: row.Count, FirstMS: row.FirstMS, LastMS: row.LastMS, Hours: row.Hours})
		return p.spill.settle(ctx)
	}
	return nil
}

// valueOf is a value as the splitter of a file would have it.
func (d *LogDatabase) valueOf(i int, value any) any {
	switch v := value.(type) {
	case nil:
		return emptyParent(len(d.tuples.fields[i]) - 1) // an engine knows no objects around a field
	case string:
		if d.number[i] {
			return asNumber(v)
		}
	}
	return number(value)
}

// moveTo hands all over to the fold.
func (p *windowFold) moveTo(ctx context.Context, f *Fold) error {
	for row, err := range p.spill.rows(ctx) {
		if err != nil {
			return err
		}
		if err := f.contributed(ctx, row.TallyKey, row.Tally); err != nil {
			return err
		}
	}
	f.Coverage.add(p.coverage)
	f.sample(p.samples)
	return nil
}
