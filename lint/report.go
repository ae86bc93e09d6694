package lint

import "io"

// A Reporter writes what has been found in a number of files, for one kind of
// reader. It decides nothing: the exit status comes from [Summarize].
type Reporter interface {
	// Report writes all reports. An error is one of w.
	Report(w io.Writer, reports []*Report) error
}
