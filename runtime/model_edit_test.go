package runtime

import (
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func pemBytes(tb testing.TB, text string) []byte {
	tb.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		tb.Fatal("no PEM")
	}
	return block.Bytes
}

// pick chooses one of some words.
func (q *sequence) pick(words ...string) string { return words[q.random.IntN(len(words))] }

// text is what a file may be given, good three times out of four.
func (q *sequence) text(name string) (what, text string) {
	if q.random.IntN(4) == 0 {
		i := q.random.IntN(len(q.bad[name]))
		return fmt.Sprintf("bad %d", i), q.bad[name][i]
	}
	i := q.random.IntN(len(q.good[name]))
	return fmt.Sprint("good ", i), q.good[name][i]
}

// fresh is a path beside path that does not exist yet.
func (q *sequence) fresh(path string) string {
	q.count++
	return fmt.Sprintf("%s.%d", path, q.count)
}

// edit does one thing that people and programs do to files.
func (q *sequence) edit() {
	q.t.Helper()
	name := q.pick(theNames()...)
	path := q.path(name)
	op := q.pick("save", "save", "save", "save", "pair", "pair", "all", "all", "delete", "chmod", "odd", "noise", "reload", "linked")
	what, text := q.text(name)
	q.trace = append(q.trace, fmt.Sprintf("%s %s %s", op, name, what))
	switch op {
	case "save":
		q.save(path, text)
	case "pair":
		q.pair()
	case "all":
		q.all()
	case "delete":
		q.remove(path)
	case "chmod":
		q.chmod(path, 0)
		q.pause()
		if q.random.IntN(3) > 0 {
			q.chmod(path, 0o600)
		}
	case "odd":
		q.odd(path)
	case "noise":
		for range 5 {
			q.write(q.path("events.jsonl"), q.pick("x", "xx", "xxx"))
		}
	case "reload":
		q.server.Reload()
		q.after()
	case "linked":
		target := q.fresh(filepath.Join(q.dir, "elsewhere", name))
		q.write(target, text)
		link := q.fresh(path)
		q.symlink(target, link)
		q.clear(path)
		q.rename(link, path)
	}
}

// save saves one file in one of the ways that there are.
func (q *sequence) save(path, text string) {
	q.t.Helper()
	way := q.pick("in place", "rename", "backup", "recreate", "chunks", "removed")
	q.trace = append(q.trace, way)
	q.clear(path)
	switch way {
	case "in place":
		q.write(path, text)
	case "rename":
		q.replace(path, text)
	case "backup": // as vim does
		if _, err := os.Lstat(path); err == nil {
			q.rename(path, path+"~")
		}
		q.write(path, text)
		q.remove(path + "~")
	case "recreate":
		q.remove(path)
		q.pause()
		q.write(path, text)
	case "chunks":
		if half, _, ok := strings.Cut(text, "{"); ok {
			q.write(path, half+"{")
			q.pause()
		}
		q.write(path, text)
	case "removed": // and put back
		if _, err := os.Lstat(path); err == nil {
			away := q.fresh(path)
			q.rename(path, away)
			q.pause()
			q.rename(away, path)
		}
		q.write(path, text)
	}
}

// replace saves by renaming a new file over the old one.
func (q *sequence) replace(path, text string) {
	q.t.Helper()
	next := q.fresh(path)
	q.write(next, text)
	q.rename(next, path)
}

// clear makes room where no file can be written or renamed to.
func (q *sequence) clear(path string) {
	q.t.Helper()
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		q.remove(path)
	} else if _, err := os.Lstat(path); err == nil && info == nil {
		q.remove(path) // a link to nowhere
	}
}

// pair saves two files that belong together, one after the other.
func (q *sequence) pair() {
	q.t.Helper()
	first, second := "cert.pem", "key.pem"
	if q.random.IntN(2) == 0 {
		first, second = "agent.yaml", q.pick("policy.yaml", "rollout.yaml", "k1", "cert.pem")
	}
	i := q.random.IntN(variants)
	q.trace = append(q.trace, fmt.Sprintf("%s, %s good %d", first, second, i))
	for _, name := range []string{first, second} {
		q.clear(q.path(name))
		q.replace(q.path(name), q.good[name][i])
		q.pause()
	}
}

// all saves all files at once, in the way of the shape.
func (q *sequence) all() {
	q.t.Helper()
	dir := q.fresh(filepath.Join(q.dir, "far", "away", "next"))
	if q.shape == "map" {
		dir = filepath.Join(q.dir, "conf", ".."+filepath.Base(dir))
	}
	q.mkdir(dir)
	q.fill(dir, q.random.IntN(variants))
	q.publish(dir)
}

// fill writes good files, and sometimes a bad one.
func (q *sequence) fill(dir string, variant int) {
	q.t.Helper()
	for _, name := range theNames() {
		text := q.good[name][variant]
		if q.server != nil && q.random.IntN(20) == 0 {
			_, text = q.text(name)
		}
		q.write(filepath.Join(dir, name), text)
	}
}

// publish puts a directory in the place of the one before.
func (q *sequence) publish(dir string) {
	q.t.Helper()
	conf := filepath.Join(q.dir, "conf")
	switch q.shape {
	case "plain": // the parent is replaced
		old := q.fresh(conf)
		q.rename(conf, old)
		q.pause()
		q.rename(dir, conf)
		if q.random.IntN(2) == 0 {
			q.remove(old)
		}
	case "map": // as a kubelet does
		old, err := filepath.EvalSymlinks(filepath.Join(conf, "..data"))
		q.relink(filepath.Base(dir), filepath.Join(conf, "..data"))
		if err == nil && q.random.IntN(2) == 0 {
			q.remove(old)
		}
	case "link": // as git-sync does
		q.relink(dir, conf)
	case "hop": // and the same, one link farther away
		q.relink(dir, filepath.Join(q.dir, "current"))
	}
}

// relink is `ln -sfn`, in two steps or by a rename.
func (q *sequence) relink(target, link string) {
	q.t.Helper()
	if q.random.IntN(3) == 0 {
		q.remove(link)
		q.symlink(target, link)
		return
	}
	next := q.fresh(link)
	q.symlink(target, next)
	q.rename(next, link)
}

// lay makes the first files, in the shape of the sequence.
func (q *sequence) lay() {
	q.t.Helper()
	conf := filepath.Join(q.dir, "conf")
	q.mkdir(filepath.Join(q.dir, "elsewhere"))
	first := filepath.Join(q.dir, "far", "away", "first")
	switch q.shape {
	case "map":
		first = filepath.Join(conf, "..first")
	case "hop":
		q.symlink("current", conf)
	}
	q.mkdir(first)
	q.fill(first, 0)
	switch q.shape {
	case "plain":
		q.rename(first, conf)
	case "map":
		q.symlink("..first", filepath.Join(conf, "..data"))
		for _, name := range theNames() {
			q.symlink(filepath.Join("..data", name), filepath.Join(conf, name))
		}
	case "link":
		q.symlink(first, conf)
	case "hop":
		q.symlink(first, filepath.Join(q.dir, "current"))
	}
}

// odd puts something in the place of a file that is none, or too large.
func (q *sequence) odd(path string) {
	q.t.Helper()
	q.remove(path)
	switch what := q.pick("directory", "FIFO", "loop", "large"); what {
	case "directory":
		q.mkdir(path)
	case "FIFO":
		q.step(func() error { return syscall.Mkfifo(path, 0o600) }, path)
	case "loop":
		q.symlink(filepath.Base(path), path)
	case "large":
		q.write(path, "x")
		q.step(func() error { return os.Truncate(path, 100<<20) }, path)
	}
}

// pause lets some time pass, mostly less than it takes to settle.
func (q *sequence) pause() {
	pauses := []time.Duration{0, time.Microsecond, time.Millisecond, 7 * time.Millisecond, 30 * time.Millisecond, 60 * time.Millisecond, 200 * time.Millisecond, 600 * time.Millisecond}
	d := pauses[q.random.IntN(len(pauses))]/q.haste + time.Duration(q.random.IntN(1000))*time.Nanosecond
	q.idle(func() { time.Sleep(d) })
	q.after()
}

// readable reads as the server does, but for files that nobody may read, which
// root can.
func readable(path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && info.Mode()&0o400 == 0 {
		return nil, fs.ErrPermission
	}
	return realDisk().read(path)
}
