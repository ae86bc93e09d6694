package runtime

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// A kernel tells of changes as inotify does through fsnotify: of entries of
// directories that are watched and of files that are, by identity; a watch
// ends with its file, and when it is moved.
type kernel struct {
	mu       sync.Mutex
	watches  map[string]identity
	events   chan fsnotify.Event
	failures chan error
	closed   bool
	refuses  func() bool
}

func (k *kernel) Add(path string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	info, err := os.Stat(path)
	if err != nil {
		return err //nolint:wrapcheck // as it is
	}
	if k.refuses() {
		return syscall.ENOSPC
	}
	id := stampOf(info).identity
	for _, other := range k.watches {
		if other == id {
			return nil // one watch per file, under its first name
		}
	}
	k.watches[path] = id
	return nil
}

func (k *kernel) Remove(path string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.watches[path]; !ok {
		return fsnotify.ErrNonExistentWatch
	}
	delete(k.watches, path)
	return nil
}

func (k *kernel) WatchList() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []string
	for path := range k.watches {
		list = append(list, path)
	}
	return list
}

func (k *kernel) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.closed {
		close(k.events)
		close(k.failures)
	}
	k.closed = true
	return nil
}

// tell says that something happened to a file or directory, which may be the
// end of its watch.
func (k *kernel) tell(id identity, end bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return
	}
	for path, watched := range k.watches {
		if watched == id {
			if end {
				delete(k.watches, path)
			}
			k.events <- fsnotify.Event{}
		}
	}
}

func (k *kernel) overflow() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.closed {
		k.failures <- fsnotify.ErrEventOverflow
	}
}

// A tree is a directory that is changed step by step. Steps and looks do not
// overlap; each file is stamped with the time of the test, in ticks of tick, if there
// are any.
type tree struct {
	t      testing.TB
	tick   time.Duration
	lost   func() bool // whether the next event is
	stale  func() bool // whether the next write leaves the stamp as it was
	after  func()      // each step
	writes time.Duration
	kernel *kernel // nil where nothing is watched

	mu sync.Mutex
}

// step changes something and tells of it: each of the paths is a file or
// directory, of which the parent is told, and it itself.
func (tr *tree) step(do func() error, paths ...string) {
	tr.t.Helper()
	tr.mu.Lock()
	before := identities(paths)
	if err := do(); err != nil {
		tr.t.Errorf("step: %v", err)
	}
	tr.tell(before, paths)
	tr.mu.Unlock()
	tr.after()
}

func (tr *tree) tell(before map[string]identity, paths []string) {
	if tr.kernel == nil {
		return
	}
	now := identities(paths)
	for _, path := range paths {
		for _, id := range []identity{before[path], now[path]} {
			if id != (identity{}) && !tr.lost() {
				tr.kernel.tell(id, before[path] != now[path] && id == before[path])
			}
		}
		if parent, err := os.Stat(filepath.Dir(path)); err == nil && !tr.lost() {
			tr.kernel.tell(stampOf(parent).identity, false)
		}
	}
}

func identities(paths []string) map[string]identity {
	ids := map[string]identity{}
	for _, path := range paths {
		if info, err := os.Lstat(path); err == nil {
			ids[path] = stampOf(info).identity
		}
	}
	return ids
}

// write saves in place, through links.
func (tr *tree) write(path, text string) {
	tr.t.Helper()
	if whole, err := filepath.EvalSymlinks(path); err == nil {
		path = whole
	}
	var was time.Time
	if info, err := os.Stat(path); err == nil && int(info.Size()) == len(text) && tr.stale() {
		was = info.ModTime()
	}
	tr.step(func() error {
		return errors.Join(os.WriteFile(path, []byte(text), 0o600), tr.stamp(path, was))
	}, path)
}

// stamp gives a file the time of now, or the one it had.
func (tr *tree) stamp(path string, was time.Time) error {
	if tr.tick == 0 { // as the kernel does
		return nil
	}
	if was.IsZero() {
		was = time.Now().Truncate(tr.tick)
		switch {
		case tr.tick == 1: // no two writes have one
			tr.writes++
			was = was.Add(tr.writes)
		case tr.tick < time.Second:
			was = was.Add(1) // there are fractions
		}
	}
	return os.Chtimes(path, was, was)
}

func (tr *tree) rename(from, to string) {
	tr.t.Helper()
	tr.step(func() error { return os.Rename(from, to) }, from, to)
}

func (tr *tree) remove(path string) {
	tr.t.Helper()
	tr.step(func() error { return os.RemoveAll(path) }, path)
}

func (tr *tree) symlink(target, path string) {
	tr.t.Helper()
	tr.step(func() error { return os.Symlink(target, path) }, path)
}

func (tr *tree) mkdir(path string) {
	tr.t.Helper()
	tr.step(func() error { return os.MkdirAll(path, 0o700) }, path)
}

func (tr *tree) chmod(path string, mode fs.FileMode) {
	tr.t.Helper()
	if whole, err := filepath.EvalSymlinks(path); err == nil {
		tr.step(func() error { return os.Chmod(whole, mode) }, whole)
	}
}

// lstat is [os.Lstat], but for the time of change of status: nobody can set
// it, so here it is the time that was set.
func (tr *tree) lstat(path string) (fs.FileInfo, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return info, err //nolint:wrapcheck // as it is
	}
	sys := *info.Sys().(*syscall.Stat_t)
	sys.Ctim = sys.Mtim
	return stamped{info, &sys}, nil
}

type stamped struct {
	fs.FileInfo
	sys *syscall.Stat_t
}

func (s stamped) Sys() any { return s.sys }
