package schemas

import "errors"

// hintError carries what the reader should do about the error it wraps.
type hintError struct {
	error // nil where the hint hangs below the error it belongs to
	hint  string
}

func (e *hintError) Unwrap() error { return e.error }

func (e *hintError) Error() string {
	if e.error == nil {
		return e.hint
	}
	return e.error.Error()
}

// Hint attaches a remedy to err, which the command line prints below the
// error as a line of its own. The text of err does not change. A nil err
// stays nil.
func Hint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &hintError{error: err, hint: hint}
}

// Hints lists the remedies attached along the whole tree of err, outermost
// first and each once.
func Hints(err error) []string {
	var hints []string
	seen := map[string]bool{}
	walkErrors(err, func(e error) {
		if h, ok := e.(*hintError); ok && !seen[h.hint] { //nolint:errorlint // the walk visits each layer itself
			seen[h.hint] = true
			hints = append(hints, h.hint)
		}
	})
	return hints
}

// walkErrors visits err and everything it wraps, depth first.
func walkErrors(err error, visit func(error)) {
	for ; err != nil; err = errors.Unwrap(err) {
		visit(err)
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range many.Unwrap() {
				walkErrors(e, visit)
			}
			return
		}
	}
}
