package runtime

import "errors"

// ErrUnreadable says that a document could not be read at all, so that there
// is nothing to be said of what is in it.
var ErrUnreadable = errors.New("it cannot be read")

// Check reads and judges every input as [Server.Start] would, and returns the
// status that would follow; its listeners tell which of them would be held. An
// error is one that a start would refuse. Nothing is opened but these files,
// nothing is written or dialled, and a server may run on them meanwhile.
func Check(opts Options) (Status, error) {
	s, err := New(opts)
	if err != nil {
		return Status{}, err
	}
	in, err := loadInputs(&s.opts, s.decoder, s.disk.read)
	if err != nil {
		return Status{}, err
	}
	next, err := newApplier(s).admit(in, nil)
	if err != nil {
		return Status{}, err
	}
	next.stamp(Version{Number: 1, Digest: in.digest, Applied: s.opts.Now()})
	return *next.status(next.version.Applied, nil), nil
}

// unreadable marks the error of reading a document.
type unreadable struct{ error }

// Unwrap gives the cause.
func (u unreadable) Unwrap() error { return u.error }

// Is makes it an [ErrUnreadable].
func (u unreadable) Is(target error) bool { return target == ErrUnreadable }
