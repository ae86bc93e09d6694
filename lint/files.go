package lint

import (
	"errors"

	"lockstep/internal/certs"
)

// A FileMode says what is made of the TLS files that a config names.
type FileMode string

// The modes. In a repository the files of a deployment are often not there.
const (
	FilesRequire FileMode = "require" // a file that cannot be read counts as it does for the agent
	FilesWarn    FileMode = "warn"    // it is reported, and the verdict is unknown
	FilesSkip    FileMode = "skip"    // none is looked at, and that is said
)

// errUnread says that a file was left alone, or could not be read and is not
// held against the config.
var errUnread = errors.New("not looked at")

// An unreadError is why a file could not be read, where that is no refusal.
type unreadError struct{ error }

func (e unreadError) Is(target error) bool { return target == errUnread }

func (e unreadError) Unwrap() error { return e.error }

// looksAtFiles reports whether TLS files are read at all.
func (in *Input) looksAtFiles() bool { return in.ReadFile != nil && in.Files != FilesSkip }

// reader reads files as the mode of in wants.
func (in *Input) reader() certs.ReadFunc {
	return func(path string) ([]byte, error) {
		if !in.looksAtFiles() {
			return nil, errUnread
		}
		text, err := in.ReadFile(path)
		if err != nil && in.Files == FilesWarn {
			err = unreadError{err}
		}
		return text, err
	}
}
