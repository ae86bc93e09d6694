package runtime

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
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

	mu      sync.Mutex
	fs      *fsnotify.Watcher // nil while only polling
	dirs    map[string]bool   // watched; false where the watch failed
	refused bool              // the failure of a watch was logged
}

func newWatcher(p pace, logger *slog.Logger) *watcher {
	w := &watcher{
		pace: p, logger: logger, open: fsnotify.NewWatcher,
		changed: make(chan struct{}, 1), dirs: map[string]bool{},
	}
	return w
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
	w.fs = opened
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
	for ctx.Err() == nil {
		events, failures := w.channels()
		select {
		case <-ctx.Done():
		case _, ok := <-events:
			if !ok || !w.settle(ctx, events) {
				w.rebuild()
			}
			w.report()
		case err := <-failures:
			w.logger.InfoContext(ctx, "the watch of files starts over", "error", err)
			w.rebuild()
			w.report()
		case <-poll.C:
			w.report()
		}
	}
}

// channels returns those of the current watcher; nil ones never deliver.
func (w *watcher) channels() (<-chan fsnotify.Event, <-chan error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fs == nil {
		return nil, nil
	}
	return w.fs.Events, w.fs.Errors
}

// settle waits until the events calm down. It reports whether events is
// still open.
func (w *watcher) settle(ctx context.Context, events <-chan fsnotify.Event) bool {
	deadline := time.NewTimer(w.pace.max)
	defer deadline.Stop()
	quiet := time.NewTimer(w.pace.quiet)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return true
		case <-deadline.C:
			return true
		case <-quiet.C:
			return true
		case _, ok := <-events:
			if !ok {
				return false
			}
			quiet.Reset(w.pace.quiet)
		}
	}
}

// report leaves word for the listener; word that is waiting already will do.
func (w *watcher) report() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}
