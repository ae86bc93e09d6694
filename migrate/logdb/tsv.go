package logdb

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// A tsvRow is a row of ClickHouse's tab-separated values, with the types of
// its columns.
type tsvRow struct {
	names int
	types []string
	cells []string
}

// setTypes reads the second line.
func (r *tsvRow) setTypes(line string) error {
	r.types = strings.Split(line, "\t")
	if len(r.types) != r.names {
		return problem(OfWindow, "the answer is not a table")
	}
	for i, name := range r.types {
		r.types[i] = plainType(name)
	}
	return nil
}

// plainType is a type without what is around it.
func plainType(name string) string {
	for _, around := range []string{"LowCardinality(", "Nullable("} {
		if inner, ok := strings.CutPrefix(name, around); ok {
			name = strings.TrimSuffix(inner, ")")
		}
	}
	name, _, _ = strings.Cut(name, "(") // as of FixedString(16)
	return name
}

func (r *tsvRow) setCells(line string) error {
	r.cells = strings.Split(line, "\t")
	if len(r.cells) != len(r.types) {
		return problem(OfWindow, "a row of the answer has %d cells of %d", len(r.cells), len(r.types))
	}
	return nil
}

// group reads a row of so many fields and four numbers.
func (r *tsvRow) group(fields int) (Row, error) {
	row := Row{Values: make([]any, fields)}
	if len(r.cells) != fields+4 {
		return row, problem(OfWindow, "the answer has %d columns, not %d", len(r.cells), fields+4)
	}
	var numbers [4]uint64
	var err error
	for i := range r.cells {
		if i < fields {
			row.Values[i], err = r.value(i)
		} else {
			numbers[i-fields], err = r.number(i)
		}
		if err != nil {
			return row, err
		}
	}
	return row, row.set(numbers)
}

// set sets count, first, last and hours.
func (r *Row) set(numbers [4]uint64) error {
	const latest, allHours = 1 << 62, 1<<24 - 1
	if numbers[1] > latest || numbers[2] > latest || numbers[3] > allHours {
		return problem(OfWindow, "a row has numbers that nobody has asked for")
	}
	r.Count, r.FirstMS, r.LastMS, r.Hours = numbers[0], int64(numbers[1]), int64(numbers[2]), uint32(numbers[3]) //nolint:gosec // they have just been looked at
	return nil
}

func (r *tsvRow) number(i int) (uint64, error) {
	n, err := strconv.ParseUint(r.cells[i], 10, 64)
	if err != nil {
		return 0, problem(OfWindow, "a count of the answer is not a number")
	}
	return n, nil
}

// value is a cell as its type says: text, number, bool, or nil for NULL.
func (r *tsvRow) value(i int) (any, error) {
	cell, name := r.cells[i], r.types[i]
	switch {
	case cell == `\N`:
		return nil, nil //nolint:nilnil // so is NULL
	case name == "Bool":
		return cell == "true", nil
	case isNumber(name):
		return json.Number(cell), nil
	case slices.Contains(textTypes(), name):
		return unescape(cell)
	}
	return nil, problem(OfDatabase, "column %d of the answer is of type %s: write an expression for that field that gives a text or a number", i+1, firstWords(name))
}

func isNumber(name string) bool {
	for _, kind := range []string{"UInt", "Int", "Float", "Decimal"} {
		if strings.HasPrefix(name, kind) {
			return true
		}
	}
	return false
}

// textTypes are those that are taken as a text.
func textTypes() []string {
	return []string{"String", "FixedString", "Enum8", "Enum16", "UUID", "IPv4", "IPv6", "Date", "Date32", "DateTime", "DateTime64", "Nothing"}
}

// unescape undoes what ClickHouse writes of bytes that would break a row.
func unescape(cell string) (string, error) {
	if !strings.Contains(cell, `\`) {
		return cell, nil
	}
	var out strings.Builder
	for i := 0; i < len(cell); i++ {
		if cell[i] != '\\' {
			out.WriteByte(cell[i])
			continue
		}
		i++
		if i == len(cell) {
			return "", problem(OfWindow, "a text of the answer is broken")
		}
		plain, ok := map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', '0': 0, '\\': '\\', '\'': '\''}[cell[i]]
		if !ok {
			return "", problem(OfWindow, "a text of the answer is broken")
		}
		out.WriteByte(plain)
	}
	return out.String(), nil
}
