package runtime

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// startWatcher runs a watcher of one file in a directory of its own.
func startWatcher(t *testing.T, p pace, open func() (*fsnotify.Watcher, error)) (w *watcher, file string, log *logBuffer) {
	t.Helper()
	log = &logBuffer{}
	w = newWatcher(p, slog.New(slog.NewJSONHandler(log, nil)))
	if open != nil {
		w.open = open
	}
	file = filepath.Join(t.TempDir(), "conf", "f")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	w.watch([]string{file})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); w.run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return w, file, log
}

func (w *watcher) wait(t *testing.T) {
	t.Helper()
	select {
	case <-w.changed:
	case <-time.After(10 * time.Second):
		t.Fatal("no change is reported")
	}
}

// quickPace never polls within a test.
func quickPace() pace {
	return pace{quiet: 5 * time.Millisecond, max: 50 * time.Millisecond, poll: time.Hour}
}

func touch(t *testing.T, file string) {
	t.Helper()
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestWatcherStartsOver loses its watch to an overflow and goes on.
func TestWatcherStartsOver(t *testing.T) {
	t.Parallel()
	w, file, log := startWatcher(t, quickPace(), nil)
	for range 2 {
		touch(t, file)
		w.wait(t)
		w.mu.Lock()
		old := w.fs
		w.mu.Unlock()
		old.Errors <- fsnotify.ErrEventOverflow
		w.wait(t)
		w.mu.Lock()
		if w.fs == old || w.fs == nil {
			t.Error("the watcher is the same after an overflow")
		}
		w.mu.Unlock()
	}
	touch(t, file)
	w.wait(t)
	if !strings.Contains(log.String(), "starts over") {
		t.Errorf("log:\n%s", log.String())
	}
}

// TestWatcherSurvivesAClosedChannel is the other way to lose a watch.
func TestWatcherSurvivesAClosedChannel(t *testing.T) {
	t.Parallel()
	w, file, _ := startWatcher(t, quickPace(), nil)
	w.mu.Lock()
	_ = w.fs.Close()
	w.mu.Unlock()
	w.wait(t)
	touch(t, file)
	w.wait(t)
}

// TestWatcherPolls where no watch can be had, and takes one when it can.
func TestWatcherPolls(t *testing.T) {
	t.Parallel()
	var failures atomic.Int64
	failures.Store(1 << 30)
	p := quickPace()
	p.poll = 5 * time.Millisecond
	w, file, log := startWatcher(t, p, func() (*fsnotify.Watcher, error) {
		if failures.Add(-1) > 0 {
			return nil, errors.New("too many open files")
		}
		return fsnotify.NewWatcher()
	})
	for range 3 {
		w.wait(t)
	}
	if n := strings.Count(log.String(), "polling instead"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, log.String())
	}
	failures.Store(0)
	w.watch([]string{file})
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fs == nil || !w.dirs[existing(filepath.Dir(file))] {
		t.Errorf("still polling: %v", w.dirs)
	}
}

// TestWatcherSettles reports a burst once, and one without end all the same.
func TestWatcherSettles(t *testing.T) {
	t.Parallel()
	p := quickPace()
	p.quiet, p.max = 100*time.Millisecond, 300*time.Millisecond
	w, file, _ := startWatcher(t, p, nil)
	start := time.Now()
	for time.Since(start) < 50*time.Millisecond {
		touch(t, file)
	}
	w.wait(t)
	if took := time.Since(start); took < p.quiet {
		t.Errorf("reported after %v", took)
	}
	select {
	case <-w.changed:
		t.Error("one burst is reported twice")
	case <-time.After(2 * p.quiet):
	}
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				_ = os.WriteFile(file, []byte("y"), 0o600)
			}
		}
	}()
	w.wait(t)
	close(stop)
	<-done
}

// TestWatchTellsOfNewDirectories, as what was read before may be stale.
func TestWatchTellsOfNewDirectories(t *testing.T) {
	t.Parallel()
	w := newWatcher(quickPace(), slog.New(slog.DiscardHandler))
	defer w.close()
	one, two := filepath.Join(t.TempDir(), "f"), filepath.Join(t.TempDir(), "g")
	for i, step := range []struct {
		paths []string
		added bool
	}{
		{[]string{one}, true},
		{[]string{one}, false},
		{[]string{one, two}, true},
		{[]string{two}, false},
		{[]string{one}, true},
	} {
		if added := w.watch(step.paths); added != step.added {
			t.Errorf("step %d: added %t", i, added)
		}
		if list := w.fs.WatchList(); len(list) != len(w.dirs) {
			t.Errorf("step %d: %v is watched, wanted %v", i, list, w.dirs)
		}
	}
}

// TestWatchedDirs follows links of files and of directories.
func TestWatchedDirs(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"a", "b/real", "c"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	touch(t, filepath.Join(root, "b/real/f"))
	for link, to := range map[string]string{
		"a/link": "../b/dirlink/f", "b/dirlink": filepath.Join(root, "b/real"), "c/loop": "loop", "c/broken": "none/f",
	} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string][]string{
		"b/real/f":  {"b/real", "b"},
		"a/link":    {"a", "b", "b/real", "b"},
		"c/missing": {"c", "."},
		"c/x/y/z":   {"c", "."},
		"c/broken":  {"c", "c", "."},
	}
	for path, want := range tests {
		var got []string
		for _, dir := range watchedDirs(filepath.Join(root, path)) {
			rel, err := filepath.Rel(root, dir)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, rel)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	if dirs := watchedDirs(filepath.Join(root, "c/loop")); len(dirs) > maxLinks+2 {
		t.Errorf("a loop of links gives %d directories", len(dirs))
	}
}

// TestDirectorySwappedAndDeleted replaces the directory of the config in
// bursts and deletes the old one at once: fsnotify then fails to take its
// watch away, and waits with its lock held until somebody reads that error.
func TestDirectorySwappedAndDeleted(t *testing.T) {
	t.Parallel()
	w, file, _ := startWatcher(t, quickPace(), nil)
	conf := filepath.Dir(file)
	next, old := conf+".next", conf+".old"
	stop := make(chan struct{})
	readers := make(chan struct{})
	go func() { // as the applier does after each change
		defer close(readers)
		for {
			select {
			case <-stop:
				return
			case <-w.changed:
				w.watch([]string{file})
			}
		}
	}()
	for range 300 {
		for _, step := range []func() error{
			func() error { return os.Mkdir(next, 0o700) },
			func() error { return os.WriteFile(filepath.Join(next, "f"), []byte("x"), 0o600) },
			func() error { return os.Rename(conf, old) },
			func() error { return os.Rename(next, conf) },
			func() error { return os.RemoveAll(old) },
		} {
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(stop)
	<-readers // hangs where the watcher does
	w.watch([]string{file})
	touch(t, file)
	w.wait(t)
}

// TestErrorsAreReadWithoutALock is the same, made certain: while somebody
// changes what is watched, fsnotify gets rid of its errors.
func TestErrorsAreReadWithoutALock(t *testing.T) {
	t.Parallel()
	w, file, _ := startWatcher(t, quickPace(), nil)
	w.mu.Lock()
	failures := w.fs.Errors
	for range 3 {
		select {
		case failures <- fsnotify.ErrEventOverflow:
		case <-time.After(5 * time.Second):
			w.mu.Unlock()
			t.Fatal("nobody reads errors while the lock is held")
		}
	}
	w.mu.Unlock()
	w.wait(t)
	touch(t, file)
	w.wait(t)
}
