package migrate

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// logLines are numbered lines of the same length, from one number to another.
func logLines(from, to int) string {
	var b strings.Builder
	for n := from; n <= to; n++ {
		fmt.Fprintf(&b, "2026-11-21T10:00:00Z line%04d GET /configs/demo 200 %s\n", n, strings.Repeat("x", 50))
	}
	return b.String()
}

// manyBlocks are 2000 lines that are not read to their end before some are parsed.
func manyBlocks() string {
	return strings.Repeat("2026-11-21T10:00:00Z other GET /configs/demo 200 "+strings.Repeat("x", 9000)+"\n", 2000)
}

// What has become of app.log, which held the lines 1 to 100 when it was read,
// and what is counted then, of all lines up to the highest number.
func TestKnownLogs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		then  map[string]string
		lines int
		want  Coverage // what it says of the logs
	}{
		"nothing":                          {map[string]string{"app.log": logLines(1, 100)}, 100, Coverage{}},
		"it has grown":                     {map[string]string{"app.log": logLines(1, 150)}, 150, Coverage{}},
		"a line has begun":                 {map[string]string{"app.log": logLines(1, 100) + logLines(101, 101)[:40]}, 100, Coverage{Unfinished: 1}},
		"renamed":                          {map[string]string{"app.log.1": logLines(1, 120), "app.log": logLines(121, 122)}, 122, Coverage{}},
		"packed":                           {map[string]string{"app.log.1.gz": gzipped(t, logLines(1, 120)), "app.log": logLines(121, 122)}, 122, Coverage{}},
		"packed in another way":            {map[string]string{"app.log.1.zst": zstandard(t, logLines(1, 120)), "app.log": logLines(121, 122)}, 122, Coverage{}},
		"copied and truncated":             {map[string]string{"app.log.1": logLines(1, 120), "app.log": ""}, 120, Coverage{}},
		"being copied":                     {map[string]string{"app.log.1": logLines(1, 70), "app.log": logLines(1, 120)}, 120, Coverage{Copies: 1}},
		"being packed":                     {map[string]string{"app.log.1": logLines(1, 120), "app.log.1.gz": gzipped(t, logLines(1, 120))[:90], "app.log": logLines(121, 122)}, 122, Coverage{Copies: 1}},
		"packed beside what is packed":     {map[string]string{"app.log.1": logLines(1, 100), "app.log.1.gz": gzipped(t, logLines(1, 100)), "app.log": logLines(101, 102)}, 102, Coverage{Copies: 1}},
		"rewritten":                        {map[string]string{"app.log": logLines(101, 110)}, 110, Coverage{Replaced: 1}},
		"rewritten and longer":             {map[string]string{"app.log": logLines(101, 300)}, 300, Coverage{Replaced: 1}},
		"truncated":                        {map[string]string{"app.log": ""}, 100, Coverage{Replaced: 1}},
		"shorter":                          {map[string]string{"app.log": logLines(1, 60)}, 100, Coverage{Shorter: 1}},
		"much shorter":                     {map[string]string{"app.log": logLines(1, 5)}, 100, Coverage{Copies: 1}},
		"gone, and the inode is another's": {map[string]string{"b.log": logLines(101, 130)}, 130, Coverage{}},
	} {
		dir, store := t.TempDir(), filepath.Join(t.TempDir(), "s")
		r := &rotation{t: t, dir: dir}
		writeFile(t, r.live(), logLines(1, 100))
		r.gather(t.Context(), store, func() {})
		if _, stays := test.then["app.log"]; !stays {
			if err := os.Remove(r.live()); err != nil {
				t.Fatal(err)
			}
		}
		for file, text := range test.then {
			writeFile(t, filepath.Join(dir, file), text)
		}
		e := r.gather(t.Context(), store, func() {})
		count := 0
		for key, tally := range e.Tallies {
			if count++; tally.Count != 1 {
				t.Errorf("%s: %s counts %d times", name, key.Client, tally.Count)
			}
		}
		e.Coverage.Lines, e.Coverage.Parsed = 0, 0
		if count != test.lines || e.Coverage != test.want {
			t.Errorf("%s: %d lines and %+v, want %d and %+v", name, count, e.Coverage, test.lines, test.want)
		}
	}
}

// A rotation just before, or while, a log is read: what was listed is found
// again, a log with two names meanwhile counts once.
func TestKnownLogsMove(t *testing.T) {
	t.Parallel()
	long := logLines(1, 9000) // some blocks
	for name, move := range map[string]func(r *rotation){
		"renamed": func(r *rotation) { r.check(os.Rename(r.live(), r.live()+".1")) },
		"renamed, and another began": func(r *rotation) {
			r.check(os.Rename(r.live(), r.live()+".1"))
			writeFile(r.t, r.live(), "")
		},
		"packed": func(r *rotation) {
			writeFile(r.t, r.live()+".1.gz", gzipped(r.t, long))
			r.check(os.Remove(r.live()))
		},
		"copied and truncated": func(r *rotation) {
			writeFile(r.t, r.live()+".1", long)
			r.check(os.Truncate(r.live(), 0))
		},
		"exchanged": func(r *rotation) {
			r.check(os.Rename(r.live(), r.live()+".2"))
			r.check(os.Rename(filepath.Join(r.dir, "app.log.0"), r.live()))
			r.check(os.Rename(r.live()+".2", filepath.Join(r.dir, "app.log.0")))
		},
	} {
		for _, during := range []bool{false, true} {
			r := &rotation{t: t, dir: t.TempDir()}
			writeFile(t, filepath.Join(r.dir, "app.log.0"), logLines(9001, 9100))
			writeFile(t, r.live(), long)
			calls, at := 0, 1 // the first call comes when the logs are listed, others with each line
			if during {
				at = 200
			}
			e := r.gather(t.Context(), "", func() {
				r.mu.Lock()
				defer r.mu.Unlock()
				if calls++; calls == at {
					move(r)
				}
			})
			if c := e.Coverage; c.Parsed != 9100 {
				t.Errorf("%s, while it is read %t: %+v, want 9100 lines", name, during, c)
			}
		}
	}
}

// A copy that was being made when it was listed, of a log that is gone, is
// complete and has another name before all was read.
func TestKnownLogsAreCompletedLate(t *testing.T) {
	t.Parallel()
	r := &rotation{t: t, dir: t.TempDir()}
	store, other, old := filepath.Join(t.TempDir(), "s"), filepath.Join(r.dir, "other.log"), r.live()+".1"
	writeFile(t, r.live(), logLines(1, 100))
	r.gather(t.Context(), store, func() {})
	r.check(os.Remove(r.live()))
	writeFile(t, old, logLines(1, 70))
	writeFile(t, other, manyBlocks())
	calls := 0
	e := r.gather(t.Context(), store, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if calls++; calls == 2 { // the first call comes when the logs are listed
			r.append(old, logLines(71, 120))
			r.check(os.Rename(old, r.live()+".2"))
		}
	})
	if c := e.Coverage; c.Parsed != 2120 || c.Shorter > 0 {
		t.Errorf("%+v, want 2120 lines, and no log that is shorter", c)
	}
}

// A rotated log was read further than the one that it is a copy of. What is made
// of it next begins like both, and is a copy all the same.
func TestKnownLogsOfWhichLessWasRead(t *testing.T) {
	t.Parallel()
	whole := logLines(1, 120)
	packed := gzipped(t, whole)
	for name, text := range map[string]string{
		".2": whole[:len(whole)-1000], ".1.gz": packed[:len(packed)-50], ".1.zst": zstandard(t, whole), ".2.gz": packed[:len(packed)-1],
	} {
		r := &rotation{t: t, dir: t.TempDir()}
		store := filepath.Join(t.TempDir(), "s")
		writeFile(t, r.live(), logLines(1, 100))
		r.gather(t.Context(), store, func() {})
		writeFile(t, r.live()+".1", whole)
		r.gather(t.Context(), store, func() {})
		r.check(os.Remove(r.live()))
		writeFile(t, r.live()+name, text)
		e := r.gather(t.Context(), store, func() {})
		if c := e.Coverage; c.Parsed != 120 || c.Copies != 1 || c.Shorter > 0 {
			t.Errorf("%s: %+v, want 120 lines and a copy", name, c)
		}
	}
}

// A copy that was made when its log had grown is none of what was read, though
// that log is as it was when it was listed, and has all of it when they are compared.
func TestKnownLogsGrowBeforeTheyAreCompared(t *testing.T) {
	t.Parallel()
	r := &rotation{t: t, dir: t.TempDir()}
	writeFile(t, r.live(), logLines(1, 100))
	files, err := NewFiles([]string{r.dir}, nil)
	r.check(err)
	for _, err := range files.Blocks(t.Context()) {
		r.check(err)
	}
	files.remember()
	writeFile(t, r.live()+".1", logLines(1, 120))
	r.check(files.find())
	writeFile(t, r.live(), logLines(1, 120))
	r.check(files.place())
	if log := files.logs[1]; log.stored() == storedCopy {
		t.Errorf("%s is stored as a copy of %s", log.path, log.of.path)
	}
}
