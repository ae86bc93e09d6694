package runtime

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
)

// never is longer than any sequence takes.
const never = 1000 * time.Hour

// A kind of sequences puts all its trust into one of the ways to hear of
// changes, as the ones that back it up are off.
type kind struct {
	name  string
	pace  pace
	lost  float64       // share of events
	stale float64       // share of writes in place that leave size and times as they were
	bound time.Duration // after which all must have been noticed
}

func kinds() []kind {
	events, stamps, all := defaultPace(), defaultPace(), defaultPace()
	events.poll, events.remote, events.hash = never, never, never
	stamps.hash = never
	events.tidy, stamps.tidy, all.tidy = never, never, never
	return []kind{
		{name: "events alone", pace: events, bound: 6 * time.Second},
		{name: "stamps", pace: stamps, lost: .3, bound: 16 * time.Second},
		{name: "content", pace: all, lost: .5, stale: .5, bound: 80 * time.Second},
	}
}

// modelSeed is where the random numbers of the model begin: another one each
// time, or that of MODEL_SEED.
func modelSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("MODEL_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("MODEL_SEED=%d", seed)
	return seed
}

// TestModel edits the inputs of a server in 100 random sequences (FULL=1:
// 10,000), with the time and the events of a model, and holds it to what must
// be served after each.
func TestModel(t *testing.T) {
	t.Parallel()
	seed, sequences := modelSeed(t), 100
	if os.Getenv("FULL") != "" {
		sequences = 10_000
	}
	dir := filepath.Join(t.TempDir(), "top")
	truth := newTruth(t, dir)
	for i := range sequences {
		of := kinds()[(seed+uint64(i))%uint64(len(kinds()))]
		if !t.Run(fmt.Sprintf("%d", seed+uint64(i)), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runSequence(t, truth, of, seed+uint64(i)) })
		}) {
			t.Fatalf("MODEL_SEED=%d shows it first, of the kind %q", seed+uint64(i), of.name)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
}

func runSequence(t *testing.T, truth *truth, of kind, seed uint64) {
	t.Helper()
	q := newSequence(t, truth, of, seed)
	q.lay()
	q.note()
	q.start(of)
	defer func() {
		q.turn.Unlock()
		if err := q.server.unwind(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	for range 2 + q.random.IntN(8) {
		q.edit()
		q.pause()
		if q.random.IntN(4) == 0 {
			q.settle(of)
		}
	}
	q.settle(of)
}

// settle waits until everything must have been noticed.
func (q *sequence) settle(of kind) {
	q.t.Helper()
	q.trace = append(q.trace, "quiet")
	for _, q.calm = range []bool{false, true} {
		q.idle(func() { time.Sleep(of.bound); synctest.Wait() })
	}
	q.quiet()
	q.calm = false
}

func newSequence(t *testing.T, truth *truth, of kind, seed uint64) *sequence {
	t.Helper()
	q := &sequence{truth: truth, haste: 1, ever: map[string]bool{}, random: seeded(seed)}
	q.turn.Lock()
	q.shape = q.pick("plain", "plain", "map", "link", "hop")
	q.tree = &tree{t: t, tick: []time.Duration{1, 4 * time.Millisecond, 2 * time.Second}[q.random.IntN(3)], after: func() {}}
	if of.lost > 0 && of.stale == 0 {
		q.tick = 1 // nothing but content tells where an event is lost and the stamp is the same
	}
	q.lost = func() bool { return q.random.Float64() < of.lost }
	q.stale = func() bool { return q.random.Float64() < of.stale }
	q.trace = append(q.trace, fmt.Sprintf("%s, %s, tick %v", of.name, q.shape, q.tick))
	return q
}

// start starts a server without its ingress.
func (q *sequence) start(of kind) {
	q.t.Helper()
	server, err := New(q.options())
	if err != nil {
		q.t.Fatal(err)
	}
	q.server, server.pace = server, of.pace
	server.disk = disk{lstat: q.lstat, read: q.interrupted(), remote: func(string) bool { return false }, open: func() (*watch, error) {
		q.kernel = &kernel{
			watches: map[string]identity{}, events: make(chan fsnotify.Event), failures: make(chan error),
			refuses: func() bool { return q.random.Float64() < of.lost/2 },
		}
		return &watch{notifier: q.kernel, events: q.kernel.events, failures: q.kernel.failures}, nil
	}}
	for _, step := range []func(context.Context) error{server.load, server.follow} {
		if err := step(q.t.Context()); err != nil {
			q.t.Fatal(err)
		}
	}
	q.after = func() {
		q.note()
		if of.lost > 0 && q.random.IntN(50) == 0 {
			q.kernel.overflow()
		}
		q.idle(synctest.Wait)
		q.consistent()
	}
}

// interrupted reads as the server does, and now and then saves a file in the
// middle of that.
func (q *sequence) interrupted() func(path string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		if q.server.current.Load() != nil && q.random.IntN(60) == 0 {
			q.meanwhile()
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		return readable(path)
	}
}

// meanwhile saves two files in place, one after the other: who has read the
// first before and reads the second after has what was never there. Where
// nothing at all tells of a write, nobody could know.
func (q *sequence) meanwhile() {
	q.turn.Lock()
	defer q.turn.Unlock()
	if q.calm {
		return
	}
	after, stale := q.after, q.stale
	defer func() { q.after, q.stale = after, stale }()
	q.after, q.stale = q.note, func() bool { return false }
	for range 2 {
		name := q.pick(theNames()...)
		if info, err := os.Lstat(q.path(name)); err == nil && info.Mode().IsRegular() {
			what, text := q.text(name)
			q.trace = append(q.trace, fmt.Sprintf("(meanwhile %s %s)", name, what))
			q.write(q.path(name), text)
		}
	}
}
