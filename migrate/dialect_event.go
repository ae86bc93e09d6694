package migrate

import (
	"strings"

	"lockstep/schemas"
)

// eventDialect reads what lockstep run writes.
type eventDialect struct{}

// Parse implements [Dialect]. Every line counts, but for blank ones.
func (eventDialect) Parse(line string) (event schemas.Event, ok bool, err error) {
	if strings.TrimSpace(line) == "" {
		return schemas.Event{}, false, nil
	}
	event, err = schemas.ParseEvent(line)
	return event, err == nil, err //nolint:wrapcheck // it is shown beside the place of the line
}

// Identity implements [Dialect].
func (eventDialect) Identity() string { return "event" }
