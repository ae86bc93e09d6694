package runtime

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestModelOnInotify is [TestModel] with the events, stamps and time of the
// real kernel, which nothing backs up: 30 sequences (FULL=1: 300). Which of
// two things comes first is not in the hand of the seed here.
func TestModelOnInotify(t *testing.T) {
	t.Parallel()
	seed, sequences := modelSeed(t), 30
	if os.Getenv("FULL") != "" {
		sequences = 300
	}
	for i := range uint64(sequences) {
		t.Run(fmt.Sprint(seed+i), func(t *testing.T) {
			t.Parallel()
			q := realSequence(t, seed+i)
			for range 2 + q.random.IntN(8) {
				q.edit()
				q.pause()
				if q.random.IntN(4) == 0 {
					q.rest()
				}
			}
			q.rest()
		})
	}
}

// quickPace leaves little time to settle and never polls.
func quickPace() pace {
	p := slowPace()
	p.quiet, p.max, p.hold = 10*time.Millisecond, 100*time.Millisecond, 30*time.Millisecond
	return p
}

func realSequence(t *testing.T, seed uint64) *sequence {
	t.Helper()
	q := &sequence{truth: newTruth(t, filepath.Join(t.TempDir(), "top")), haste: 5, ever: map[string]bool{}, random: seeded(seed)}
	q.turn.Lock()
	q.shape = q.pick("plain", "plain", "map", "link", "hop")
	never := func() bool { return false }
	q.tree = &tree{t: t, lost: never, stale: never, after: func() {}}
	q.trace = append(q.trace, q.shape)
	q.lay()
	q.note()
	var err error
	if q.server, err = New(q.options()); err != nil {
		t.Fatal(err)
	}
	q.server.pace, q.server.disk.read = quickPace(), readable
	t.Cleanup(func() {
		if err := q.server.unwind(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	for _, step := range []func(context.Context) error{q.server.load, q.server.follow} {
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	q.after = func() { q.note(); q.consistent() }
	return q
}

// rest waits until all that the model says holds, and then for a while whether
// it goes on to.
func (q *sequence) rest() {
	q.t.Helper()
	q.trace = append(q.trace, "quiet")
	for deadline := time.Now().Add(20 * time.Second); len(q.faults()) > 0 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	p := quickPace()
	time.Sleep(p.max + holdTimes*p.hold)
	q.quiet()
}
