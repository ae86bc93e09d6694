package runtime

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"
)

// pace holds the times of the watcher.
type pace struct {
	quiet time.Duration // a change is reported after this long without another
	max   time.Duration // and at the latest after this long
	poll  time.Duration // without any event, as on network file systems
}

// defaultPace lets an editor or a ConfigMap finish before the files are read.
func defaultPace() pace {
	return pace{quiet: 50 * time.Millisecond, max: 500 * time.Millisecond, poll: 10 * time.Second}
}

// A watcher says that something may have changed, and nothing else: whoever
// hears it reads every input and compares. Events are not looked at, as their
// names and kinds differ between file systems and ways of saving.
//
// It watches directories, as a watch on a file ends with the file. A watch
// that could not be placed, or was lost, is made up for by polling.
type watcher struct {
	pace    pace
	logger  *slog.Logger
	open    func() (*fsnotify.Watcher, error)
	changed chan struct{}
	woken   chan struct{} // by an event or failure of fs

	mu      sync.Mutex
	fs      *watch          // nil while only polling
	dirs    map[string]bool // watched; false where the watch failed
	refused bool            // the failure of a watch was logged
}

func newWatcher(p pace, logger *slog.Logger) *watcher {
	w := &watcher{
		pace: p, logger: logger, open: fsnotify.NewWatcher,
		changed: make(chan struct{}, 1), woken: make(chan struct{}, 1), dirs: map[string]bool{},
	}
	return w
}

// A watch is one fsnotify watcher and why it can no longer be relied on.
type watch struct {
	*fsnotify.Watcher
	failure atomic.Pointer[error]
}

// errWatchEnded says that fsnotify has closed its channels on its own.
var errWatchEnded = errors.New("the watch has ended")

// pump empties the channels of a watch until both are closed, and wakes the
// watcher. It takes no lock, ever: fsnotify holds its own while it waits for
// somebody to read its errors, also inside Add.
func (w *watcher) pump(of *watch) {
	events, failures := of.Events, of.Errors
	for events != nil || failures != nil {
		select {
		case _, ok := <-events:
			if !ok {
				events = nil
			}
		case err, ok := <-failures:
			if !ok {
				failures = nil
				break
			}
			of.failure.Store(&err)
		}
		leaveWord(w.woken)
	}
	of.failure.CompareAndSwap(nil, &errWatchEnded)
	leaveWord(w.woken)
}

// leaveWord wakes whoever listens; word that is waiting already will do.
func leaveWord(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// watch replaces what is watched by what decides over the content of paths.
// It reports whether a directory was added: then a change may have been
// missed before, and what was read already has to be read again.
func (w *watcher) watch(paths []string) (added bool) {
	wanted := map[string]bool{}
	for _, p := range paths {
		for _, dir := range watchedDirs(p) {
			wanted[dir] = false
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for dir := range w.dirs {
		if _, still := wanted[dir]; !still && w.fs != nil {
			_ = w.fs.Remove(dir) // it may be gone
		}
	}
	for dir := range wanted {
		if _, known := w.dirs[dir]; !known {
			added = true
		}
	}
	w.dirs = wanted
	w.place()
	return added
}

// place puts a watch on every directory. It does so each time and for all of
// them: a watch is lost without a word when its directory is replaced, and
// placing one twice is harmless.
func (w *watcher) place() {
	if w.fs == nil && !w.reopen() {
		return
	}
	for _, dir := range slices.Sorted(maps.Keys(w.dirs)) {
		err := w.fs.Add(dir)
		w.dirs[dir] = err == nil
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.alarm(err)
		}
	}
}

func (w *watcher) reopen() bool {
	opened, err := w.open()
	if err != nil {
		w.alarm(err)
		return false
	}
	w.fs = &watch{Watcher: opened}
	go w.pump(w.fs)
	return true
}

// alarm says once that changes are only found by polling.
func (w *watcher) alarm(err error) {
	if !w.refused {
		w.logger.Warn("cannot watch files, polling instead", "error", err, "poll", w.pace.poll)
	}
	w.refused = true
}

// rebuild starts over: after an overflow or any other error nobody knows
// which events are missing.
func (w *watcher) rebuild() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.close()
	w.place()
}

func (w *watcher) close() {
	if w.fs != nil {
		_ = w.fs.Close() // nothing is written through it
		w.fs = nil
	}
}

// run reports changes until ctx ends.
func (w *watcher) run(ctx context.Context) {
	poll := time.NewTicker(w.pace.poll)
	defer poll.Stop()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.close()
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.woken:
			w.settle(ctx)
			if err := w.failed(); err != nil {
				w.logger.InfoContext(ctx, "the watch of files starts over", "error", err)
				w.rebuild()
			}
		case <-poll.C:
		}
		leaveWord(w.changed)
	}
}

// failed returns why the current watch can no longer be relied on, if so.
func (w *watcher) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fs == nil {
		return nil
	}
	if err := w.fs.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// settle waits until the events calm down.
func (w *watcher) settle(ctx context.Context) {
	deadline := time.NewTimer(w.pace.max)
	defer deadline.Stop()
	quiet := time.NewTimer(w.pace.quiet)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-deadline.C:
			return
		case <-quiet.C:
			return
		case <-w.woken:
			quiet.Reset(w.pace.quiet)
		}
	}
}
