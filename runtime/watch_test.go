package runtime

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// slowPace never polls within a test.
func slowPace() pace {
	p := defaultPace()
	p.poll, p.remote, p.hash = time.Hour, time.Hour, time.Hour
	return p
}

// opened keeps the last watcher that was opened, to meddle with it.
type opened struct {
	last  atomic.Pointer[fsnotify.Watcher]
	count atomic.Int64
}

func (o *opened) open() (*watch, error) {
	w, err := openInotify()
	if err != nil {
		return nil, err
	}
	o.last.Store(w.notifier.(*fsnotify.Watcher))
	o.count.Add(1)
	return w, nil
}

// newWatched is a world of one listener that never polls.
func newWatched(t *testing.T) (*world, *opened) {
	t.Helper()
	w, o := newWorld(t, "http://up-1"), &opened{}
	w.tune = func(s *Server) { s.pace, s.disk.open = slowPace(), o.open }
	return w, o
}

// edit saves a config that differs from all before, and waits for it.
func (w *world) edit() {
	w.t.Helper()
	number := w.server.Status().Good.Number
	w.replace("agent.yaml", agentConfig("http://up-"+time.Now().Format("150405.000000000")))
	w.applied(number)
}

// TestWatchStartsOver loses its watch in each way and goes on, twice.
func TestWatchStartsOver(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(w *fsnotify.Watcher){
		"overflow":       func(w *fsnotify.Watcher) { w.Errors <- fsnotify.ErrEventOverflow },
		"another error":  func(w *fsnotify.Watcher) { w.Errors <- syscall.EIO },
		"closed channel": func(w *fsnotify.Watcher) { _ = w.Close() },
		"fewer watches": func(w *fsnotify.Watcher) {
			for _, dir := range w.WatchList() {
				_ = w.Remove(dir)
			}
			w.Events <- fsnotify.Event{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, o := newWatched(t)
			w.start().edit()
			for n := range int64(2) {
				lose(o.last.Load())
				w.eventually("new watch", func() bool { return o.count.Load() > n+1 })
				w.edit()
			}
			if got, want := w.metrics()["lockstep_watch_overflows_total"], map[bool]string{true: "2", false: "0"}[name == "overflow"]; got != want {
				t.Errorf("%s overflows, want %s", got, want)
			}
		})
	}
}

// A crippled notifier has no room for some of its watches.
type crippled struct {
	notifier
	refuses *atomic.Bool
}

func (c crippled) Add(path string) error {
	if c.refuses.Load() {
		return syscall.ENOSPC
	}
	return c.notifier.Add(path) //nolint:wrapcheck // it stands for the other
}

// TestWatchDegrades where inotify has no more instances or watches: changes
// are found by polling, and events again when there is room.
func TestWatchDegrades(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(refuses *atomic.Bool) (*watch, error){
		"instances": func(refuses *atomic.Bool) (*watch, error) {
			if refuses.Load() {
				return nil, syscall.EMFILE
			}
			return openInotify()
		},
		"watches": func(refuses *atomic.Bool) (*watch, error) {
			w, err := openInotify()
			if err == nil {
				w.notifier = crippled{w.notifier, refuses}
			}
			return w, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var refuses atomic.Bool
			refuses.Store(true)
			w := newWorld(t, "http://up-1")
			w.tune = func(s *Server) {
				s.pace.poll = 20 * time.Millisecond
				s.disk.open = func() (*watch, error) { return open(&refuses) }
			}
			w.start()
			w.edit()
			w.edit()
			if m := w.metrics(); m["lockstep_watch_degraded"] != "1" || m[`lockstep_watch_events_total{source="inotify"}`] != "" {
				t.Errorf("degraded %s, events %s", m["lockstep_watch_degraded"], m[`lockstep_watch_events_total{source="inotify"}`])
			}
			refuses.Store(false)
			w.eventually("watch", func() bool { return w.metrics()["lockstep_watch_degraded"] == "0" })
			w.edit()
			for _, message := range []string{"polling instead", "watched again"} {
				if n := strings.Count(w.log.String(), message); n != 1 {
					t.Errorf("%q is logged %d times:\n%s", message, n, w.log.String())
				}
			}
			if w.metrics()[`lockstep_watch_events_total{source="inotify"}`] == "" {
				t.Error("no event was seen at last")
			}
		})
	}
}

// TestRemoteIsPolledFaster, as others may write there without an event here.
func TestRemoteIsPolledFaster(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "http://up-1")
	w.tune = func(s *Server) {
		s.pace, s.pace.remote = slowPace(), 20*time.Millisecond
		s.disk.remote = func(path string) bool { return path == w.dir }
		s.disk.open = func() (*watch, error) {
			w, err := openInotify()
			if err == nil {
				w.events = nil // as nobody sends any
			}
			return w, err
		}
	}
	w.start()
	w.edit()
	w.edit()
	if m := w.metrics(); m["lockstep_watch_degraded"] != "0" || m[`lockstep_watch_events_total{source="poll"}`] == "" {
		t.Errorf("degraded %s, found by polling %q", m["lockstep_watch_degraded"], m[`lockstep_watch_events_total{source="poll"}`])
	}
	if isRemote(w.dir) || isRemote("/proc/self") || isRemote(w.path("none")) {
		t.Error("a local file system passes for a remote one")
	}
}

// TestDirectorySwappedAndDeleted replaces the directory of the config in
// bursts and deletes the old one at once: fsnotify then fails to take its
// watch away, and waits with its lock held until somebody reads that error.
func TestDirectorySwappedAndDeleted(t *testing.T) {
	t.Parallel()
	w, _ := newWatched(t)
	conf, next, old := w.path("conf"), w.path("conf.next"), w.path("conf.old")
	w.opts.Config = filepath.Join(conf, "agent.yaml")
	if err := errors.Join(os.Mkdir(conf, 0o700), os.Rename(w.path("agent.yaml"), w.opts.Config)); err != nil {
		t.Fatal(err)
	}
	w.start()
	for range 300 {
		for _, step := range []func() error{
			func() error { return os.Mkdir(next, 0o700) },
			func() error {
				return os.WriteFile(filepath.Join(next, "agent.yaml"), []byte(agentConfig("http://up-2")), 0o600)
			},
			func() error { return os.Rename(conf, old) },
			func() error { return os.Rename(next, conf) },
			func() error { return os.RemoveAll(old) },
		} {
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.applied(1)
	w.replace("conf/agent.yaml", agentConfig("http://up-3"))
	w.applied(2)
}

// TestErrorsAreReadAllTheTime, as fsnotify waits for that with its lock held.
func TestErrorsAreReadAllTheTime(t *testing.T) {
	t.Parallel()
	w, o := newWatched(t)
	gate := make(chan struct{})
	w.opts.Gate = func(Candidate) Admission {
		if w.server.current.Load() != nil {
			<-gate // the applier is busy
		}
		return Admission{}
	}
	w.start()
	w.replace("agent.yaml", agentConfig("http://up-2"))
	for range 3 {
		select {
		case o.last.Load().Errors <- fsnotify.ErrEventOverflow:
		case <-time.After(10 * time.Second):
			t.Fatal("nobody reads errors while a version is applied")
		}
	}
	close(gate)
	w.applied(1)
	w.edit()
}
