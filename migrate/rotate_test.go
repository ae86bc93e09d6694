package migrate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"lockstep/schemas"
)

// steppingDialect has something happen now and then while a log is read.
type steppingDialect struct {
	wordsDialect

	step func()
}

func (d steppingDialect) Parse(line string) (schemas.Event, bool, error) {
	d.step()
	return d.wordsDialect.Parse(line)
}

// rounds is how many seeds a test of rotations has.
func rounds() uint64 {
	if os.Getenv("FULL") != "" {
		return 400
	}
	return 12
}

// While a process writes, its log is renamed, copied and truncated, packed and
// deleted, before, between and during scans, some of which are cut off: each
// line counts once.
func TestRotationLosesNothing(t *testing.T) {
	t.Parallel()
	for seed := range rounds() {
		random := rand.New(rand.NewPCG(seed, 12))
		r := newRotation(t, random)
		store := filepath.Join(t.TempDir(), "s")
		for range 12 {
			for range random.IntN(6) {
				r.step()
			}
			r.scan(store, random.IntN(4) == 0)
		}
		r.quiet()
		r.once(seed, r.lines, r.gather(t.Context(), store, func() {}))
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, r.files())
		}
	}
}

// A log that is truncated while it is read, and of which there is no copy, ends
// the run: somebody has to know that lines are lost. The next one reads what is left.
func TestTruncationIsNamed(t *testing.T) {
	t.Parallel()
	r := &rotation{t: t, dir: t.TempDir()}
	writeFile(t, r.live(), logLines(1, 9000)) // some blocks
	calls := 0                                // the first one comes when the logs are listed
	_, err := r.tryGather(t.Context(), "", func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if calls++; calls == 200 {
			writeFile(t, r.live(), logLines(9001, 9010))
		}
	})
	want := r.live() + ": it was truncated while it was read, and no other log has the rest"
	if err == nil || err.Error() != want || len(schemas.Hints(err)) != 1 {
		t.Errorf("%v, hints %q; want %s", err, schemas.Hints(err), want)
	}
	if e := r.gather(t.Context(), "", func() {}); e.Coverage.Parsed != 10 {
		t.Errorf("after that: %+v", e.Coverage)
	}
}

// scan reads what there is while things go on happening, perhaps not to its end.
func (r *rotation) scan(store string, cutOff bool) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	r.scanning()
	e, err := r.tryGather(ctx, store, func() {
		r.mu.Lock()
		now, stop := r.random.IntN(6) == 0, cutOff && r.random.IntN(60) == 0
		r.mu.Unlock()
		if now {
			r.step()
		}
		if stop {
			cancel()
		}
	})
	if err == nil {
		r.check(e.Close())
		r.scanned()
		return
	}
	if !errors.Is(err, context.Canceled) {
		r.t.Errorf("scan: %v", err)
	}
}

func (r *rotation) tryGather(ctx context.Context, store string, step func()) (*Evidence, error) {
	files, err := NewFiles([]string{r.dir}, nil)
	if err != nil {
		return nil, err
	}
	step()
	return Gather(ctx, files, Options{Dialect: steppingDialect{step: step}, Store: store, Now: ticking(commitAfter)})
}

// gather reads all there is.
func (r *rotation) gather(ctx context.Context, store string, step func()) *Evidence {
	r.t.Helper()
	e, err := r.tryGather(ctx, store, step)
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.files())
	}
	return inMemory(r.t, e)
}

// once makes sure that the first lines count once each, and others at most.
func (r *rotation) once(seed uint64, lines int, e *Evidence) {
	r.t.Helper()
	counts := map[string]uint64{}
	for key, tally := range e.Tallies {
		if counts[key.Client] = tally.Count; tally.Count > 1 {
			r.t.Errorf("seed %d: %s counts %d times", seed, key.Client, tally.Count)
		}
	}
	var lost []string
	for n := range lines {
		if name := fmt.Sprintf("line%d", n+1); counts[name] == 0 {
			lost = append(lost, name)
		}
	}
	if len(lost) > 0 {
		r.t.Errorf("seed %d: %d of %d lines are lost: %.200s", seed, len(lost), lines, strings.Join(lost, " "))
	}
	if c := e.Coverage; c.Unparsed > 0 || c.Shorter > 0 {
		r.t.Errorf("seed %d: %+v %+v", seed, c, e.Samples)
	}
}

// Without a store, one scan has each line that was there when it began, once.
func TestRotationDuringAScan(t *testing.T) {
	t.Parallel()
	for seed := range rounds() {
		random := rand.New(rand.NewPCG(seed, 13))
		r := newRotation(t, random)
		for range 10 + random.IntN(40) {
			r.step()
		}
		r.quiet()
		before := r.lines
		r.once(seed, before, r.gather(t.Context(), "", func() {
			r.mu.Lock()
			now := r.random.IntN(6) == 0
			r.mu.Unlock()
			if now {
				r.step()
			}
		}))
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, r.files())
		}
	}
}

// A line that has no end yet, and nothing before it, is told once, though it is
// finished, copied and truncated away before other logs have been read.
func TestFirstLineIsToldOnce(t *testing.T) {
	t.Parallel()
	r := &rotation{t: t, dir: t.TempDir()}
	line := "2026-11-21T10:00:00Z line1 GET /configs/demo 200 xxxx"
	writeFile(t, r.live(), line)
	writeFile(t, filepath.Join(r.dir, "b.log"), manyBlocks())
	writeFile(t, filepath.Join(r.dir, "c.log"), logLines(2, 9))
	var once sync.Once
	calls := atomic.Int32{}
	e := r.gather(t.Context(), "", func() {
		if calls.Add(1) < 5 { // the first ones are of the list, and of that line
			return
		}
		once.Do(func() {
			writeFile(t, r.live()+".1", line+"xxxx\n")
			writeFile(t, r.live(), "")
			r.check(os.Rename(filepath.Join(r.dir, "c.log"), filepath.Join(r.dir, "d.log")))
		})
	})
	counts := map[string]uint64{}
	for key, tally := range e.Tallies {
		counts[key.Client] += tally.Count
	}
	if counts["line1"] != 1 || counts["line0009"] != 1 || counts["other"] != 2000 {
		t.Errorf("counted %v", counts)
	}
}
