package logdb

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// value is what a mapping sees of a field: nothing for an empty text, as most
// tables have no other way to say that something is not there.
func (f sqlField) value(v any) (any, error) {
	text, isText := v.(string)
	switch {
	case isText && text == "":
		return nil, nil //nolint:nilnil // it is not there
	case isText && f.json:
		return decode(text)
	}
	return v, nil
}

// decode reads one value of JSON; numbers stay as they are written.
func decode(text string) (any, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var value any
	err := dec.Decode(&value)
	if err == nil {
		_, err = dec.Token()
	}
	if !errors.Is(err, io.EOF) {
		return nil, problem(OfWindow, "a field that should be JSON is not")
	}
	return value, nil
}

// oneCount takes in the answer to a question for a count: one row.
type oneCount struct {
	rows  int
	count uint64
}

func (c *oneCount) add(count uint64, err error) error {
	c.rows++
	c.count = count
	return err
}

func (c *oneCount) result(err error) (uint64, error) {
	if err == nil && c.rows != 1 {
		err = problem(OfWindow, "%d rows answer a question for one count", c.rows)
	}
	return c.count, err
}
