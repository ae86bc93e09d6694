package migrate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lockstep/schemas"
)

// The environment variables that make this test binary a process that ingests.
const (
	ingestDir   = "LOCKSTEP_TEST_INGEST"
	ingestStore = "LOCKSTEP_TEST_STORE"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(ingestDir); dir != "" {
		if err := ingestProcess(context.Background(), dir, os.Getenv(ingestStore)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// ingestProcess ingests with many commits, and says when it begins.
func ingestProcess(ctx context.Context, dir, store string) error {
	files, err := NewFiles([]string{dir}, nil)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, "begins")
	e, err := Gather(ctx, files, Options{Dialect: wordsOrEvents{}, Store: store, Now: ticking(commitAfter)})
	if err != nil {
		return err
	}
	return e.Close()
}

// wordsOrEvents reads numbered events and lines without numbers: a line of
// either must not count twice.
type wordsOrEvents struct{ eventDialect }

func (d wordsOrEvents) Parse(line string) (e schemas.Event, ok bool, err error) {
	if strings.HasPrefix(line, "{") {
		return d.eventDialect.Parse(line)
	}
	return wordsDialect{}.Parse(line)
}

// killLogs writes plain and packed logs of some blocks each.
func killLogs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	lines := string(tallyLines(2500, 40))
	half := strings.Index(lines[len(lines)/2:], "\n") + len(lines)/2 + 1
	words := strings.Repeat("2026-11-21T10:00:00Z 10.0.0.1 GET /configs/demo 200\n", 6000)
	writeFile(t, filepath.Join(dir, "a.jsonl.1.gz"), gzipped(t, lines[:half]))
	writeFile(t, filepath.Join(dir, "a.jsonl"), lines[half:])
	writeFile(t, filepath.Join(dir, "b.log"), words)
	return dir
}

// A process that is killed at any moment loses nothing and counts nothing
// twice: it only has to be started again. FULL=1 kills 500 times, not 50. It
// does not run beside other tests: a process that is being started holds their
// locks for a moment.
func TestStoreSurvivesKills(t *testing.T) {
	dir := killLogs(t)
	files, err := NewFiles([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Gather(t.Context(), files, Options{Dialect: wordsOrEvents{}})
	if err != nil {
		t.Fatal(err)
	}
	want := inMemory(t, e)
	kills, random := 50, rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	if os.Getenv("FULL") != "" {
		kills = 500
	}
	store, took, midway := filepath.Join(t.TempDir(), "s"), 100*time.Millisecond, 0
	for kills > 0 {
		if !runAndKill(t, dir, store, time.Duration(random.Int64N(int64(took)+1))) {
			took -= took / 4 // a kill should strike while it works
			sameStored(t, dir, store, want)
			store = filepath.Join(t.TempDir(), "s")
			continue
		}
		kills--
		logs := storedLogs(t, store)
		if midway += logs; logs == 0 {
			took += took / 4
		}
	}
	for runAndKill(t, dir, store, time.Minute) {
		t.Fatal("it took a minute")
	}
	sameStored(t, dir, store, want)
	if midway == 0 {
		t.Error("no process was killed after its first commit")
	}
}

// runAndKill starts a process that ingests, and kills it after a while; false
// if it was done before.
func runAndKill(t *testing.T, dir, store string, after time.Duration) bool {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), ingestDir+"="+dir, ingestStore+"="+store)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		_, err = out.Read(make([]byte, 16)) // it begins
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, complaint.String())
	}
	timer := time.AfterFunc(after, cancel) // which kills with SIGKILL
	err = cmd.Wait()
	timer.Stop()
	if ctx.Err() == nil && err != nil {
		t.Fatalf("%v\n%s", err, complaint.String())
	}
	return err != nil
}

// storedLogs is how many logs a store that was left behind knows.
func storedLogs(t *testing.T, path string) int {
	t.Helper()
	s, err := openStore(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	logs, err := s.loadLogs(t.Context())
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return len(logs)
}

// sameStored goes on with a store to its end and compares.
func sameStored(t *testing.T, dir, store string, want *Evidence) {
	t.Helper()
	files, err := NewFiles([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Gather(t.Context(), files, Options{Dialect: wordsOrEvents{}, Store: store})
	if err != nil {
		t.Fatal(err)
	}
	got := inMemory(t, e)
	if want.Coverage != got.Coverage {
		t.Errorf("coverage %+v, want %+v", got.Coverage, want.Coverage)
	}
	sameEvidence(t, "after kills", want, got)
}
