package migrate

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"lockstep/schemas"
)

// ErrLocked says that another process is changing the same rollout file.
var ErrLocked = errors.New("another migrate is at work")

// lockJournal keeps every other migrate away from the journal at path until
// release is called, or the process ends however. The lock is of the kernel;
// the file that carries it stays and means nothing by itself.
func lockJournal(path string) (release func(), err error) {
	// To read is enough for a lock, and all that the file of another user allows.
	file, err := os.OpenFile(strings.TrimSuffix(path, ".jsonl")+".lock", os.O_RDONLY|os.O_CREATE|syscall.O_NONBLOCK, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the journal: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = schemas.Hint(ErrLocked, "wait until it is done and try again; end it if it hangs, as the lock goes with its process")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the journal: %w", err), file.Close())
	}
	return func() { _ = file.Close() }, nil // nothing was written that could be lost
}
