package migrate

import (
	"bytes"

	"lockstep/schemas"
)

// eventDialect reads what lockstep run writes.
type eventDialect struct{}

// Parse implements [Dialect]. Every line counts, but for blank ones.
func (eventDialect) Parse(text []byte) (event schemas.Event, ok bool, err error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return schemas.Event{}, false, nil
	}
	event, err = schemas.ParseEvent(text)
	return event, err == nil, err //nolint:wrapcheck // it is shown beside the place of the line
}
