package migrate

import "lockstep/schemas"

// A Dialect says what the lines of a log mean.
type Dialect interface {
	// Parse reads one line. ok is false for a line that is none of this
	// dialect's business, such as one of another logger. The error says why a
	// line that should be an event is none; it never quotes the line, which
	// may hold a secret. The event may share memory with the line. Parse is
	// called from many goroutines.
	Parse(line string) (event schemas.Event, ok bool, err error)

	// Identity changes when the same line may mean something else than before.
	Identity() string
}
