package migrate

import (
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// A rotation is a process that goes on writing numbered lines to app.log, and
// a logrotate that renames, copies and truncates, packs and deletes, in small
// steps between which anything may happen.
type rotation struct {
	t      *testing.T
	dir    string
	random *rand.Rand

	mu      sync.Mutex
	lines   int             // written so far, the last one perhaps in part
	rest    string          // of the last line, still to be written
	steps   []func()        // of what logrotate is about to do
	whole   map[string]bool // files that nobody wrote to any more when a scan began
	settled map[string]bool // those of them that a scan has read to its end, and that may be deleted
}

func newRotation(t *testing.T, random *rand.Rand) *rotation {
	t.Helper()
	r := &rotation{t: t, dir: t.TempDir(), random: random, whole: map[string]bool{}, settled: map[string]bool{}}
	r.write(r.live())
	return r
}

func (r *rotation) live() string { return filepath.Join(r.dir, "app.log") }

func (r *rotation) check(err error) {
	if err != nil {
		r.t.Error(err)
	}
}

// step does the next thing.
func (r *rotation) step() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.steps) > 0 {
		do := r.steps[0]
		r.steps = r.steps[1:]
		do()
		return
	}
	switch r.random.IntN(8) {
	case 0:
		r.rename()
	case 1:
		r.copyAndTruncate()
	case 2, 3:
		r.pack()
	default:
		r.write(r.live())
	}
}

// write appends some lines, of which the last one may lack its end.
func (r *rotation) write(path string) {
	text := r.rest
	for range 1 + r.random.IntN(40) {
		r.lines++
		text += fmt.Sprintf("2026-11-21T10:00:00Z line%d GET /configs/demo 200 %s\n", r.lines, strings.Repeat("x", r.random.IntN(20_000)))
	}
	r.rest = ""
	if r.random.IntN(2) == 0 {
		cut := len(text) - 1 - r.random.IntN(20)
		text, r.rest = text[:cut], text[cut:]
	}
	r.append(path, text)
}

// finish ends the last line, as a process does before it looks for its log again.
func (r *rotation) finish(path string) {
	r.append(path, r.rest)
	r.rest = ""
}

func (r *rotation) append(path, text string) {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	r.check(err)
	_, err = io.WriteString(file, text)
	r.check(err)
	r.check(file.Close())
}

// numbered is the name of a rotated log, whichever way it is packed.
func (r *rotation) numbered(n int) string {
	base := fmt.Sprintf("%s.%d", r.live(), n)
	for _, ending := range []string{"", ".gz", ".zst"} {
		if _, err := os.Lstat(base + ending); err == nil {
			return base + ending
		}
	}
	return ""
}

// makeRoom gives each rotated log the next number, the highest first.
func (r *rotation) makeRoom() []func() {
	var steps []func()
	n := 1
	for r.numbered(n) != "" {
		n++
	}
	for ; n > 1; n-- {
		from := r.numbered(n - 1)
		ending := strings.TrimPrefix(from, fmt.Sprintf("%s.%d", r.live(), n-1))
		to := fmt.Sprintf("%s.%d%s", r.live(), n, ending)
		steps = append(steps, func() {
			r.check(os.Rename(from, to))
			for _, names := range []map[string]bool{r.whole, r.settled} {
				names[to] = names[from]
				delete(names, from)
			}
		})
	}
	return steps
}

// rename has the process write to the renamed log for a while.
func (r *rotation) rename() {
	old := r.live() + ".1"
	r.steps = append(r.makeRoom(),
		func() { r.check(os.Rename(r.live(), old)) },
		func() { r.write(old) },
		func() { r.finish(old) },
		func() { r.write(r.live()) },
	)
}

// copyAndTruncate copies in two parts; the process is quiet between the second
// one and the end, as copytruncate loses what is written then.
func (r *rotation) copyAndTruncate() {
	old, half := r.live()+".1", []byte(nil)
	r.steps = append(r.makeRoom(),
		func() {
			r.finish(r.live())
			text, err := os.ReadFile(r.live())
			r.check(err)
			half = text[:r.random.IntN(len(text)+1)]
			r.check(os.WriteFile(old, half, 0o600))
		},
		func() { r.write(r.live()) },
		func() {
			r.finish(r.live())
			text, err := os.ReadFile(r.live())
			r.check(err)
			r.append(old, string(text[len(half):]))
		},
		func() { r.check(os.Truncate(r.live(), 0)) },
		func() { r.write(r.live()) },
	)
}

// pack packs a rotated log beside itself, in parts, and removes it.
func (r *rotation) pack() {
	var plain []string
	for n := 2; r.numbered(n) != ""; n++ { // the first one may still be written to
		if path := r.numbered(n); filepath.Ext(path) != ".gz" && filepath.Ext(path) != ".zst" {
			plain = append(plain, path)
		}
	}
	if len(plain) == 0 {
		r.removeOldest()
		return
	}
	path := plain[r.random.IntN(len(plain))]
	ending := []string{".gz", ".zst"}[r.random.IntN(2)]
	text, err := os.ReadFile(path)
	r.check(err)
	whole := packedAs(r.t, ending, string(text))
	var done int
	for _, share := range []int{0, 1, 10, 60, 100} {
		end := len(whole) * share / 100
		part := whole[done:end]
		r.steps = append(r.steps, func() { r.append(path+ending, part) })
		done = end
	}
	r.steps = append(r.steps, func() { r.remove(path) })
}

func packedAs(t *testing.T, ending, text string) string {
	t.Helper()
	var b strings.Builder
	var w io.WriteCloser = gzip.NewWriter(&b)
	if ending == ".zst" {
		encoder, err := zstd.NewWriter(&b)
		if err != nil {
			t.Error(err)
		}
		w = encoder
	}
	_, err := io.WriteString(w, text)
	if err != nil || w.Close() != nil {
		t.Error("cannot pack", err)
	}
	return b.String()
}

// removeOldest deletes the oldest log if a scan has read all of it. Another one
// will have its inode.
func (r *rotation) removeOldest() {
	n := 1
	for r.numbered(n+1) != "" {
		n++
	}
	if path := r.numbered(n); n > 2 && r.settled[path] {
		r.remove(path)
	}
}

func (r *rotation) remove(path string) {
	r.check(os.Remove(path))
	delete(r.whole, path)
	delete(r.settled, path)
}

// scanning notes the logs that stay as they are when a scan begins. What others
// get while it goes on may be for the next one.
func (r *rotation) scanning() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.whole)
	for n := 2; r.numbered(n) != ""; n++ {
		r.whole[r.numbered(n)] = true
	}
}

// scanned notes that a scan has read its logs to their end.
func (r *rotation) scanned() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for path, whole := range r.whole {
		r.settled[path] = r.settled[path] || whole
	}
}

// quiet ends what is going on.
func (r *rotation) quiet() {
	for len(r.steps) > 0 {
		r.step()
	}
	r.finish(r.live())
}

// files lists what there is, for messages.
func (r *rotation) files() string {
	var b strings.Builder
	r.check(filepath.WalkDir(r.dir, func(path string, entry fs.DirEntry, err error) error {
		if info, infoErr := entry.Info(); err == nil && infoErr == nil {
			fmt.Fprintf(&b, "%s %d\n", filepath.Base(path), info.Size())
		}
		return err
	}))
	return b.String()
}
