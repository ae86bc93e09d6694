package runtime

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lockstep/schemas"
)

// TestSinkLosesNothing writes through disks that fill up, renames by others,
// limits and torn ends, in random order: every event is in one of the files,
// once and whole, and what was not written keeps its turn.
func TestSinkLosesNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 3))
		dir, disk := t.TempDir(), &fullDisk{room: 1 << 30, rigid: seed%2 == 1}
		s := &sink{path: filepath.Join(dir, "events-n1.jsonl"), boot: "b1", open: func(path string) (eventFile, error) {
			file, err := openEvents(path)
			if err != nil {
				return nil, err
			}
			disk.File = file.(*os.File)
			return disk, nil
		}}
		var waiting []schemas.Event
		for next, step := int64(0), 0; step < 200; step++ {
			switch random.IntN(8) {
			case 0:
				disk.room = random.IntN(2000)
			case 1:
				disk.room = 1 << 30
			case 2:
				_ = os.Rename(s.path, filepath.Join(dir, fmt.Sprintf("events-n1.jsonl.%d", step)))
			case 3:
				s.maxBytes = random.Int64N(5000)
			default:
				for range random.IntN(5) {
					next++
					waiting = append(waiting, schemas.Event{Kind: schemas.EventHeartbeat, Environment: "fat", Node: "n1", TimeMS: next})
				}
			}
			written, _ := s.write(waiting) // the rest is tried again
			waiting = waiting[written:]
		}
		disk.room = 1 << 30
		mustWrite(t, s, waiting)
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		checkAllOnce(t, dir, s.seq, disk.rigid)
	}
}

// checkAllOnce wants the events 1 to last in the files of dir, each once. Only
// a rigid disk may leave lines that are no events.
func checkAllOnce(t *testing.T, dir string, last uint64, rigid bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint64]int{}
	for _, file := range files {
		for line := range strings.Lines(readFile(t, file)) {
			e, err := schemas.ParseEvent(line)
			if !rigid && !strings.HasSuffix(line, "\n") {
				t.Errorf("%s: %q has no end", file, line)
			}
			switch {
			case err == nil && e.TimeMS == int64(e.Seq):
				seen[e.Seq]++
			case err == nil || !rigid:
				t.Errorf("%s: %q, error %v", file, line, err)
			}
		}
	}
	if uint64(len(seen)) != last || slices.Max(slices.Collect(maps.Values(seen))) > 1 {
		t.Errorf("%d events of %d, in %d files: %v", len(seen), last, len(files), seen)
	}
}
