package runtime

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/schemas"
)

// heartbeats returns n events that tell each other apart by their time.
func heartbeats(n int) []schemas.Event {
	events := make([]schemas.Event, n)
	for i := range events {
		events[i] = schemas.Event{Kind: schemas.EventHeartbeat, Environment: "fat", Node: "n1", TimeMS: int64(i) + 1}
	}
	return events
}

func newTestSink(t *testing.T, path string) *sink {
	t.Helper()
	s, err := newSink(path, "n1", "b1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	return s
}

func mustWrite(t *testing.T, s *sink, events []schemas.Event) {
	t.Helper()
	if n, err := s.write(events); n != len(events) || err != nil {
		t.Fatalf("%d of %d events written: %v", n, len(events), err)
	}
}

func TestSinkFileAndDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for path, file := range map[string]string{
		dir: filepath.Join(dir, "events-n1.jsonl"), filepath.Join(dir, "own"): filepath.Join(dir, "own"),
	} {
		s := newTestSink(t, path)
		mustWrite(t, s, heartbeats(1300)) // more than a chunk
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", file, info.Mode())
		}
		if events := (&world{t: t}).events(file); len(events) != 1300 || events[0].Boot != "b1" {
			t.Errorf("%d events, first %+v", len(events), events[0])
		}
	}
}

// TestSinkSparesOtherFiles names the config by mistake, and logs that a crash
// or a rotation has left.
func TestSinkSparesOtherFiles(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"listeners: []\n": false, "-----BEGIN": false, "": true, "{}\n": true, "{\"ki": true, "\n{}\n": true, "\x00\x00": true,
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := newSink(path, "n1", "b1")
		if (err == nil) != want || err != nil && len(schemas.Hints(err)) != 1 {
			t.Errorf("%q: %v", text, err)
		}
		if err == nil {
			err = s.close()
		}
		if got, readErr := os.ReadFile(path); string(got) != text || readErr != nil || want && err != nil {
			t.Errorf("%q became %q: %v, %v", text, got, readErr, err)
		}
	}
}

// TestSinkFollowsRotation renames, removes and truncates the file under the sink.
func TestSinkFollowsRotation(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events")
	s := newTestSink(t, path)
	mustWrite(t, s, heartbeats(2))
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, s, heartbeats(3))
	old, err := os.ReadFile(path + ".1")
	if err != nil {
		t.Fatal(err)
	}
	current, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(old), "\n"); got != 2 {
		t.Errorf("%d lines in the old file", got)
	}
	if got := strings.Count(string(current), "\n"); got != 3 || !strings.Contains(string(current), `"seq":3`) {
		t.Errorf("the new file:\n%s", current)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, s, heartbeats(1))
	if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), `"seq":6`) {
		t.Errorf("after removal: %s %v", text, err)
	}
}

// TestSinkEndsTornLines begins a line of its own after one that a killed
// process has left.
func TestSinkEndsTornLines(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events")
	if err := os.WriteFile(path, []byte(`{"kind":"tal`), 0o600); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, newTestSink(t, path), heartbeats(1))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(string(text), "\n"); len(lines) != 3 || lines[0] != `{"kind":"tal` {
		t.Errorf("file:\n%s", text)
	}
}

// fullDisk is an event file that takes so many bytes and no more.
type fullDisk struct {
	*os.File
	room  int
	rigid bool // what is written cannot be taken back
}

var errNoSpace = errors.New("no space left")

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) <= d.room {
		d.room -= len(p)
		return d.File.Write(p)
	}
	n, err := d.File.Write(p[:d.room])
	d.room = 0
	return n, errors.Join(errNoSpace, err)
}

// Truncate takes bytes back, if the disk lets it.
func (d *fullDisk) Truncate(size int64) error {
	if d.rigid {
		return errNoSpace
	}
	return d.File.Truncate(size)
}

// TestSinkOnFullDisk fills the disk at each byte of a batch. Whatever was
// written then counts, and what was not is written later, without a number
// missing or used twice.
func TestSinkOnFullDisk(t *testing.T) {
	t.Parallel()
	var size int
	{
		path := filepath.Join(t.TempDir(), "events")
		mustWrite(t, newTestSink(t, path), heartbeats(3))
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		size = int(info.Size())
	}
	for room := range 2 * size {
		path := filepath.Join(t.TempDir(), "events")
		disk := &fullDisk{rigid: room >= size}
		room %= size
		s := &sink{path: path, boot: "b1", open: func(path string) (eventFile, error) {
			file, err := openEvents(path)
			if err != nil {
				return nil, err
			}
			disk.File = file.(*os.File)
			return disk, nil
		}}
		disk.room = room
		events := heartbeats(3)
		written, err := s.write(events)
		if !errors.Is(err, errNoSpace) {
			t.Fatalf("room for %d bytes: %d written, %v", room, written, err)
		}
		disk.room = 1 << 20
		mustWrite(t, s, events[written:])
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		checkNumbers(t, path, room, disk.rigid)
	}
}

// checkNumbers wants the events 1, 2 and 3, each once, and no line that is not
// an event, but for one on a rigid disk.
func checkNumbers(t *testing.T, path string, room int, rigid bool) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var torn int
	var seqs []uint64
	for line := range strings.Lines(string(text)) {
		e, err := schemas.ParseEvent(line)
		if err != nil {
			torn++
			continue
		}
		seqs = append(seqs, e.Seq)
		if e.TimeMS != int64(e.Seq) {
			t.Errorf("room for %d bytes: number %d is event %d", room, e.Seq, e.TimeMS)
		}
	}
	if len(seqs) != 3 || seqs[0] != 1 || seqs[1] != 2 || seqs[2] != 3 || torn > 1 || (torn > 0 && !rigid) {
		t.Errorf("room for %d bytes: numbers %v, %d torn lines:\n%s", room, seqs, torn, text)
	}
}

func TestSinkCannotOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := newSink(filepath.Join(dir, "none", "events"), "n1", "b1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	s := newTestSink(t, filepath.Join(dir, "events"))
	if err := os.Remove(s.path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.path, 0o700); err != nil {
		t.Fatal(err)
	}
	if n, err := s.write(heartbeats(1)); n != 0 || err == nil {
		t.Errorf("%d events written into a directory: %v", n, err)
	}
	if err := os.Remove(s.path); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, s, heartbeats(1))
}

// TestSinkPutsFullFilesAside begins a new file when one is full. All of them
// together hold every event once, under names that a glob of the log finds.
func TestSinkPutsFullFilesAside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newTestSink(t, dir)
	s.maxBytes = 2000
	for range 100 {
		mustWrite(t, s, heartbeats(7))
	}
	files, err := filepath.Glob(filepath.Join(dir, "events-*.jsonl"))
	if err != nil || len(files) < 10 {
		t.Fatalf("files %v, error %v", files, err)
	}
	seen := map[uint64]bool{}
	for _, file := range files {
		text := readFile(t, file)
		if len(text) > 3000 { // it is full, and a batch beyond
			t.Errorf("%s has %d bytes", file, len(text))
		}
		for line := range strings.Lines(text) {
			e, err := schemas.ParseEvent(line)
			if err != nil || seen[e.Seq] {
				t.Errorf("%s: event %d, error %v", file, e.Seq, err)
			}
			seen[e.Seq] = true
		}
	}
	if len(seen) != 700 {
		t.Errorf("%d events", len(seen))
	}
}

// TestSinkGrowsOn writes on into a full file that cannot be put aside.
func TestSinkGrowsOn(t *testing.T) {
	t.Parallel()
	s := newTestSink(t, t.TempDir())
	mustWrite(t, s, heartbeats(10))
	aside := strings.TrimSuffix(s.path, ".jsonl") + "-19700101T000000Z-b1-10.jsonl"
	if err := os.WriteFile(aside, []byte("taken"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.maxBytes = 1
	mustWrite(t, s, heartbeats(1))
	if events := (&world{t: t}).events(s.path); len(events) != 11 || readFile(t, aside) != "taken" {
		t.Errorf("%d events", len(events))
	}
}

// TestSinkFollowsTruncation copies and truncates the file, as logrotate's
// copytruncate does.
func TestSinkFollowsTruncation(t *testing.T) {
	t.Parallel()
	s := newTestSink(t, filepath.Join(t.TempDir(), "events"))
	mustWrite(t, s, heartbeats(5))
	if err := os.Truncate(s.path, 0); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, s, heartbeats(1))
	if text := readFile(t, s.path); !strings.HasPrefix(text, `{"kind":"heartbeat"`) || !strings.Contains(text, `"seq":6`) {
		t.Errorf("file:\n%s", text)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
