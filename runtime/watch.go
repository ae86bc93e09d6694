package runtime

import (
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"
)

// A watcher says that something may have changed, and nothing else: whoever
// hears it looks at every input and compares. What events say is not believed,
// as their names and kinds differ between file systems and ways of saving: the
// right name only has somebody look sooner.
//
// It watches directories, as a watch on a file ends with the file. A watch
// that could not be placed, or was lost, is made up for by polling. All but
// its pump runs on the goroutine of the applier.
type watcher struct {
	disk    *disk
	now     func() time.Time
	logger  *slog.Logger
	metrics *metrics
	woken   chan time.Time // when the first event or failure since the last word came
	named   chan struct{}  // an event had the name of an input, or of what leads to one
	inputs  atomic.Pointer[survey]

	fs       *watch              // nil while only polling
	placed   map[string]identity // what is watched, as it was found just before
	remote   bool                // some of it can change without an event
	degraded bool                // some of it is not watched, and that was logged
}

func newWatcher(s *Server) *watcher {
	return &watcher{
		disk: &s.disk, now: s.opts.Now, logger: s.opts.Logger, metrics: s.metrics,
		woken: make(chan time.Time, 1), named: make(chan struct{}, 1), placed: map[string]identity{},
	}
}

// A notifier watches directories and files by name; see [fsnotify.Watcher].
type notifier interface {
	Add(path string) error
	Remove(path string) error
	WatchList() []string
	Close() error
}

// A watch is one notifier, what it says, and why it can no longer be relied on.
type watch struct {
	notifier
	events   <-chan fsnotify.Event
	failures <-chan error
	failure  atomic.Pointer[error]
}

func openInotify() (*watch, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what cannot be had
	}
	return &watch{notifier: w, events: w.Events, failures: w.Errors}, nil
}

var (
	errWatchEnded = errors.New("the watch has ended")         // fsnotify has closed its channels on its own
	errWatchLost  = errors.New("a watched directory is lost") // nothing was done to it that is known
)

// pump empties the channels of a watch until both are closed, and wakes the
// applier. It takes no lock, ever: fsnotify holds its own while it waits for
// somebody to read its errors, also inside Add.
func (w *watcher) pump(of *watch) {
	events, failures := of.events, of.failures
	for events != nil || failures != nil {
		select {
		case e, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			if w.inputs.Load().has(e.Name) {
				leaveWord(w.named)
			}
			w.metrics.watchEvents.WithLabelValues(sourceInotify).Inc()
		case err, ok := <-failures:
			if !ok {
				failures = nil
				continue
			}
			of.failure.Store(&err)
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				w.metrics.overflows.Inc()
			}
		}
		w.wake()
	}
	of.failure.CompareAndSwap(nil, &errWatchEnded)
	w.wake()
}

// wake leaves word of now; word that is waiting already is older and will do.
func (w *watcher) wake() {
	select {
	case w.woken <- w.now():
	default:
	}
}

// forget takes word back: whoever looks from now on sees what it is about.
func (w *watcher) forget() {
	select {
	case <-w.woken:
	default:
	}
}

// leaveWord wakes whoever listens; word that is waiting already will do.
func leaveWord(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// place watches what is wanted, and nothing else. It reports whether something
// was added: then a change may have been missed before, and what was seen
// already has to be looked at again. What carries another file than before is
// added anew, as its watch has stayed with the old one.
func (w *watcher) place(wanted map[string]identity) (added bool) {
	w.remote = slices.ContainsFunc(slices.Collect(maps.Keys(wanted)), w.disk.remote)
	for path, was := range w.placed {
		if wanted[path] != was {
			delete(w.placed, path)
			if w.fs != nil {
				_ = w.fs.Remove(path) // it may be gone
			}
		}
	}
	if w.fs == nil && !w.reopen() {
		return false
	}
	var failed error
	for _, path := range slices.Sorted(maps.Keys(wanted)) {
		if _, known := w.placed[path]; known {
			continue
		}
		switch err := w.fs.Add(path); {
		case err == nil:
			w.placed[path], added = wanted[path], true
		case errors.Is(err, fs.ErrNotExist): // it has just gone; who looks again will see
		default:
			failed = err
		}
	}
	w.degrade(failed)
	return added
}

func (w *watcher) reopen() bool {
	opened, err := w.disk.open()
	if err != nil {
		w.degrade(err)
		return false
	}
	w.fs = opened
	go w.pump(opened)
	return true
}

// degrade says once that changes are only found by polling, and once that
// they no longer are.
func (w *watcher) degrade(err error) {
	switch {
	case err != nil && !w.degraded:
		w.logger.Warn("cannot watch files, polling instead", "error", err)
		w.metrics.degraded.Set(1)
	case err == nil && w.degraded:
		w.logger.Info("files are watched again")
		w.metrics.degraded.Set(0)
	}
	w.degraded = err != nil
}

// failure tells why the current watch cannot be relied on, if so: it said so,
// or it has let go of something that is still where it was.
func (w *watcher) failure(now *survey) error {
	if w.fs == nil {
		return nil
	}
	if err := w.fs.failure.Load(); err != nil {
		return *err
	}
	held := map[identity]bool{} // by one of the names that a directory may have
	for _, path := range w.fs.WatchList() {
		held[w.placed[path]] = true
	}
	for path, was := range w.placed {
		if now.watched[path] == was && !held[was] {
			return errWatchLost
		}
	}
	return nil
}

// close gives up the watch; it can be placed anew.
func (w *watcher) close() {
	if w.fs != nil {
		_ = w.fs.Close() // nothing is written through it
		w.fs = nil
	}
	w.placed = map[string]identity{}
}
