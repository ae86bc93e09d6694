package logdb

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"lockstep/schemas"
)

// A Runner runs a program without a shell, with text as its standard input,
// and hands its standard output to read. It reports a program that is not
// there, or that did not end well.
type Runner func(ctx context.Context, argv []string, text string, read func(io.Reader) error) error

// duckDB is a file of a DuckDB, or what one can read, asked with the program
// that the user has.
type duckDB struct {
	sql

	address Address
	run     Runner
}

func openDuckDB(o Options) (*duckDB, error) {
	questions, err := newSQL(&o, duckDBWords{})
	if err != nil {
		return nil, err
	}
	return &duckDB{*questions, o.Address, o.Run}, nil
}

// Ready implements [Database].
func (d *duckDB) Ready(ctx context.Context) error {
	width := 1
	if d.layout.TimeColumn != "" {
		width++
	}
	return d.rows(ctx, d.sample(), width, func(cells []any) error { return checkTime(cells[0]) })
}

// Groups implements [Database].
func (d *duckDB) Groups(ctx context.Context, w Window, yield func(Row) error) error {
	return d.rows(ctx, d.groups(w), len(d.fields)+4, func(cells []any) error {
		row, err := d.row(cells)
		if err != nil || row.Count == 0 { // of nothing, where there is nothing to group by
			return err
		}
		if err := row.check(w); err != nil {
			return err
		}
		return yield(row)
	})
}

// row reads a row of groups.
func (d *duckDB) row(cells []any) (row Row, err error) {
	row.Values = cells[:len(d.fields)]
	for i, f := range d.fields {
		if row.Values[i], err = f.value(row.Values[i]); err != nil {
			return row, err
		}
	}
	var numbers [4]uint64
	for i, cell := range cells[len(d.fields):] {
		if numbers[i], err = wholeNumber(cell); err != nil || numbers[0] == 0 {
			return row, err
		}
	}
	return row, row.set(numbers)
}

func wholeNumber(cell any) (uint64, error) {
	var text string
	switch c := cell.(type) {
	case json.Number:
		text = string(c)
	case string: // as which it writes its larger types
		text = c
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, problem(OfWindow, "a count of the answer is not a number")
	}
	return n, nil
}

// Count implements [Database].
func (d *duckDB) Count(ctx context.Context, w Window) (uint64, error) {
	counts := oneCount{}
	err := d.rows(ctx, d.count(w), 1, func(cells []any) error { return counts.add(wholeNumber(cells[0])) })
	return counts.result(err)
}

// Lines implements [Database].
func (d *duckDB) Lines(ctx context.Context, w Window, yield func(string) error) error {
	return d.rows(ctx, d.lines(w), 1, func(cells []any) error {
		text, _ := cells[0].(string)
		return yield(text)
	})
}

// rows runs a query and yields its rows, each of so many cells.
func (d *duckDB) rows(ctx context.Context, query string, width int, yield func([]any) error) error {
	ctx, cancel := context.WithTimeout(ctx, d.address.Timeout)
	defer cancel()
	argv := []string{"duckdb", "-init", "/dev/null", "-batch", "-bail", "-jsonlines"}
	if d.address.Path != "" {
		argv = append(argv, "-readonly", d.address.Path)
	}
	err := d.run(ctx, argv, query+"\n;\n", func(out io.Reader) error {
		a := answer{bufio.NewReaderSize(out, 64<<10), nil}
		return a.lines(func(line string) error {
			cells, err := cellsOf(line)
			if err == nil && len(cells) != width {
				err = problem(OfWindow, "a row of the answer has %d cells of %d", len(cells), width)
			}
			if err != nil {
				return err
			}
			return yield(cells)
		})
	})
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return problem(OfWindow, "no answer came within %s", schemas.Duration(d.address.Timeout))
	}
	return err
}

// cellsOf reads the values of an object in the order in which they stand there.
func cellsOf(line string) ([]any, error) {
	broken := problem(OfWindow, "a line of the answer cannot be read")
	dec := json.NewDecoder(strings.NewReader(line))
	dec.UseNumber()
	if brace, err := dec.Token(); err != nil || brace != json.Delim('{') {
		return nil, broken
	}
	var cells []any
	for dec.More() {
		var cell any
		if _, err := dec.Token(); err != nil {
			return nil, broken
		}
		if err := dec.Decode(&cell); err != nil {
			return nil, broken
		}
		cells = append(cells, cell)
	}
	if _, err := dec.Token(); err != nil || len(bytes.TrimSpace([]byte(line[dec.InputOffset():]))) > 0 {
		return nil, broken
	}
	return cells, nil
}
