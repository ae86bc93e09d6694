package runtime

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"lockstep/internal/atomicfile"
	"lockstep/internal/inputfile"
	"lockstep/schemas"
)

// What a state directory holds at most.
const (
	maxVersions   = 50
	maxBroken     = 10       // versions that made no sense, for somebody to look at
	maxAdmitted   = 1000     // digests of versions that are no longer kept
	maxStateBytes = 64 << 20 // bytes of all versions; the last one is kept in any case
)

// A state is a directory that outlives the process: the versions that were
// applied, so that a restart serves the last good one whatever has become of
// its files, and so that people can look back and step back. Documents are
// kept without secrets, keys and certificates as digests only.
//
// The directory is of one process at a time. Every file in it is replaced as
// a whole, and one that makes no sense is set aside: it never keeps a server
// from starting.
type state struct {
	dir     string   // empty: nothing outlives the process
	decoder *decoder // of kept documents
	lock    *os.File
	logger  *slog.Logger

	mu       sync.Mutex
	versions []keptVersion   // oldest first
	admitted map[string]bool // digests of all that were applied
	alarms   []string
	failure  string // why the last version was not kept; empty if it was

	// Of the one goroutine that applies.
	top   int               // the highest number that was ever used
	older []string          // digests of versions that are no longer kept, oldest first
	files map[string]string // digests of the inputs of the last version
}

// ErrStateLocked says that two processes were given one state directory.
var ErrStateLocked = errors.New("another process uses it")

// openState opens the directory, which is made if it is missing.
func (s *Server) openState(context.Context) error {
	if s.opts.State == "" {
		return nil
	}
	var err error
	if s.state.decoder, err = newDecoder(); err != nil {
		return err
	}
	if err := s.state.open(s.opts.State); err != nil {
		return fmt.Errorf("state %s: %w", s.opts.State, err)
	}
	s.onStop("state", func(context.Context) error { return s.state.close() })
	return nil
}

func (st *state) open(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "versions"), 0o700); err != nil {
		return inputfile.Bare(err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return inputfile.Bare(err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return schemas.Hint(errors.New("others may write to it"), "take that right away with `chmod 700`")
	}
	if st.lock, err = lockDir(filepath.Join(dir, "lock")); err != nil {
		return err
	}
	st.dir = dir
	st.read()
	return nil
}

// lockDir keeps every other process out of the directory until the file is
// closed, or the process ends however.
func lockDir(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock it: %w", inputfile.Bare(err))
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		err = schemas.Hint(ErrStateLocked, "give each process a directory of its own")
	case err != nil:
		err = fmt.Errorf("lock it: %w", err)
	default:
		return file, nil
	}
	_ = file.Close() // nothing was written
	return nil, err
}

func (st *state) close() error {
	if err := st.lock.Close(); err != nil {
		return fmt.Errorf("unlock it: %w", err)
	}
	return nil
}

// read takes in what the processes before have left.
func (st *state) read() {
	entries, err := os.ReadDir(filepath.Join(st.dir, "versions"))
	if err != nil {
		st.alarm(fmt.Sprintf("state: %v", err))
	}
	var broken []string
	for _, e := range entries {
		number := 0
		if n, _ := fmt.Sscanf(e.Name(), "%d.json", &number); n == 0 {
			continue // a temporary file
		}
		st.top = max(st.top, number)
		switch path := filepath.Join(st.dir, "versions", e.Name()); filepath.Ext(path) {
		case ".json":
			st.readVersion(path)
		case ".broken":
			broken = append(broken, path)
		}
	}
	for _, path := range broken[:max(len(broken)-maxBroken, 0)] {
		_ = os.RemoveAll(path) // nobody has looked at it for a long time
	}
	slices.SortFunc(st.versions, func(a, b keptVersion) int { return cmp.Compare(a.Number, b.Number) })
	if err := readJSON(st.admittedPath(), &st.older); err != nil && !errors.Is(err, fs.ErrNotExist) {
		st.setAside(st.admittedPath(), err)
	}
	for _, digest := range st.older {
		st.admitted[digest] = true
	}
}

func (st *state) readVersion(path string) {
	v, err := readVersion(path)
	if err != nil {
		st.setAside(path, err)
		return
	}
	st.versions = append(st.versions, v.keptVersion)
	st.admit(v.keptVersion)
}

// admit notes a version whose files are good from now on, whatever the time or
// a newer linter say of them.
func (st *state) admit(v keptVersion) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if !v.Held {
		st.admitted[v.Digest] = true
	}
}

func (st *state) admittedPath() string { return filepath.Join(st.dir, "admitted.json") }

// setAside renames a file that makes no sense, for somebody to look at.
func (st *state) setAside(path string, cause error) {
	err := os.Rename(path, path+".broken")
	st.alarm(fmt.Sprintf("state: %s makes no sense and is set aside: %v", path, errors.Join(cause, err)))
}

// alarm notes what is wrong with the directory until the process ends.
func (st *state) alarm(text string) {
	st.logger.Warn("alarm", "cause", text)
	st.mu.Lock()
	defer st.mu.Unlock()
	const most = 10
	if len(st.alarms) < most && !slices.Contains(st.alarms, text) {
		st.alarms = append(st.alarms, text)
	}
}

// fail notes why the last version was not kept, and an empty text that it was.
func (st *state) fail(text string) {
	if text != "" {
		st.logger.Warn("alarm", "cause", text)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.failure = text
}

// alarmed lists all that is wrong with the directory.
func (st *state) alarmed() []string {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.failure == "" {
		return slices.Clone(st.alarms)
	}
	return append(slices.Clone(st.alarms), st.failure)
}

// last is the version that was applied last; its number is 0 if there is none.
func (st *state) last() keptVersion {
	all := st.list()
	if len(all) == 0 {
		return keptVersion{}
	}
	return all[len(all)-1]
}

// knows reports whether a version with this digest was applied before.
func (st *state) knows(digest string) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.admitted[digest]
}

// outlive remembers the digest of a version that is not kept, as one of many.
func (st *state) outlive(v keptVersion) {
	if v.Held {
		return
	}
	st.admit(v)
	st.older = append(slices.DeleteFunc(st.older, func(old string) bool { return old == v.Digest }), v.Digest)
	if len(st.older) > maxAdmitted {
		oldest := st.older[0]
		st.older = st.older[1:]
		st.mu.Lock()
		defer st.mu.Unlock()
		if !slices.ContainsFunc(st.versions, func(v keptVersion) bool { return v.Digest == oldest }) {
			delete(st.admitted, oldest)
		}
	}
}

// readJSON reads a file that was written by this program, or one of the same
// format.
func readJSON(path string, out any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return inputfile.Bare(err)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(out); err != nil {
		return errors.New("it is not JSON of the expected form") // the decoder may quote a value
	}
	return nil
}

// writeJSON replaces a file as a whole.
func writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := atomicfile.Write(path, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
