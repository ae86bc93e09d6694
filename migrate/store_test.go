package migrate

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lockstep/schemas"
)

// ingest folds all logs of a directory into a store.
func ingest(t *testing.T, dir, store string) (*Evidence, error) {
	t.Helper()
	files, err := NewFiles([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Gather(t.Context(), files, Options{Dialect: eventDialect{}, Store: store, Now: ticking(commitAfter)})
	if err == nil {
		t.Cleanup(func() { _ = e.Close() })
	}
	return e, err
}

// ticking is a clock that goes on whenever it is looked at, which is once for
// each block.
func ticking(step time.Duration) func() time.Time {
	now := noon
	return func() time.Time {
		now = now.Add(step)
		return now
	}
}

// mustIngest ingests, and gives the store back.
func mustIngest(t *testing.T, dir, store string) *Evidence {
	t.Helper()
	e, err := ingest(t, dir, store)
	if err != nil {
		t.Fatal(err)
	}
	return inMemory(t, e)
}

// inMemory reads the tallies of evidence and closes it.
func inMemory(t *testing.T, e *Evidence) *Evidence {
	t.Helper()
	table := newTallyTable()
	for key, tally := range e.Tallies {
		table.add(key, tally)
	}
	if err := errors.Join(e.failed, e.Close()); err != nil {
		t.Fatal(err)
	}
	e.source = table
	return e
}

// sameEvidence compares all but lines that were read twice, which do not count.
func sameEvidence(t *testing.T, what string, want, got *Evidence) {
	t.Helper()
	a, b := *want, *got
	a.Coverage, b.Coverage = Coverage{Parsed: a.Coverage.Parsed, Unparsed: a.Coverage.Unparsed}, Coverage{Parsed: b.Coverage.Parsed, Unparsed: b.Coverage.Unparsed}
	a.Samples, b.Samples = nil, nil
	if diff := cmp.Diff(a, b, cmpopts.IgnoreUnexported(Evidence{})) + cmp.Diff(talliesOf(want), talliesOf(got)); diff != "" {
		t.Fatalf("%s: evidence differs (-want +got):\n%.4000s", what, diff)
	}
}

// Logs that grow, are renamed, packed, copied and read again count like the
// same lines in one file.
func TestStoreGoesOn(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 9))
		log := strings.Join(randomLog(random).lines, "")
		dir, store := t.TempDir(), filepath.Join(t.TempDir(), "store.db")
		current := filepath.Join(dir, "events.jsonl")
		for end := 0; end < len(log); {
			end = min(end+random.IntN(len(log)/4)+1, len(log)) // mostly within a line
			writeFile(t, current, log[:end])
			switch random.IntN(4) {
			case 0:
				writeFile(t, filepath.Join(dir, "events-1.jsonl.gz"), gzipped(t, log[:end]))
			case 1:
				writeFile(t, filepath.Join(dir, "events-2.jsonl"), log[:end])
			case 2:
				current = filepath.Join(dir, "renamed.jsonl")
				if err := os.Rename(filepath.Join(dir, "events.jsonl"), current); err != nil && !errors.Is(err, os.ErrNotExist) {
					t.Fatal(err)
				}
			}
			mustIngest(t, dir, store)
		}
		got := mustIngest(t, dir, store)
		want := gather(t, writeFile(t, filepath.Join(t.TempDir(), "whole"), log), "")
		sameEvidence(t, "", want, got)
		if again := mustIngest(t, dir, store); again.Coverage != got.Coverage {
			t.Errorf("seed %d: read again, coverage %+v, before %+v", seed, again.Coverage, got.Coverage)
		}
	}
}

// The lines of a foreign log have no numbers: what tells a log from its copies
// is all that keeps a line from counting twice.
func TestStoreKnowsLogsWithoutNumbers(t *testing.T) {
	t.Parallel()
	line := func(second string) string { return "2026-11-21T10:00:" + second + "Z 10.0.0.1 GET /configs/demo 200\n" }
	whole := ""
	for i := range 50 {
		whole += line(string(rune('0'+i/10)) + string(rune('0'+i%10)))
	}
	dir, store := t.TempDir(), filepath.Join(t.TempDir(), "store.db")
	steps := []struct {
		name    string
		do      func()
		parsed  uint64
		shorter uint64
	}{
		{"a short log", func() { writeFile(t, dir+"/a.log", whole[:300]) }, 5, 0},
		{"that has grown", func() { writeFile(t, dir+"/a.log", whole[:2000]) }, 38, 0},
		{"packed, beside a new one", func() {
			writeFile(t, dir+"/a.log.1.gz", gzipped(t, whole))
			writeFile(t, dir+"/a.log", line("59"))
		}, 51, 0},
		{"an old copy", func() { writeFile(t, dir+"/copy.log", whole[:1500]) }, 51, 0},
		{"which is all that is left", func() {
			if err := os.Remove(dir + "/a.log.1.gz"); err != nil {
				t.Fatal(err)
			}
		}, 51, 0},
		{"and is made anew", func() { writeFile(t, dir+"/copy.log", whole[:1400]) }, 51, 1},
		{"a shorter copy", func() { writeFile(t, dir+"/copy.log", whole[:300]) }, 51, 0},
		{"another log that begins like it", func() { writeFile(t, dir+"/copy.log", whole[:1500]+strings.ToLower(whole)) }, 129, 0},
	}
	for _, step := range steps {
		step.do()
		files, err := NewFiles([]string{dir}, nil)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Gather(t.Context(), files, Options{Dialect: wordsDialect{}, Store: store})
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if c := e.Coverage; c.Parsed != step.parsed || c.Shorter != step.shorter {
			t.Errorf("%s: %+v, want %d lines and %d shorter logs", step.name, c, step.parsed, step.shorter)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// wordsDialect reads "TIME CLIENT ..." without numbers.
type wordsDialect struct{}

func (wordsDialect) Parse(line string) (schemas.Event, bool, error) {
	words := strings.Fields(line)
	if len(words) < 5 {
		return schemas.Event{}, false, errors.New("not five words")
	}
	var tally schemas.Tally
	tally.Add(noon.UnixMilli())
	e := schemas.TallyEvent(schemas.TallyKey{
		Environment: "pro-eu", Node: "n", Subject: "key/demo", Client: words[1], How: schemas.HowVerified,
		Outcome: schemas.OutcomeOK, Day: "2026-11-21",
	}, tally)
	e.TimeMS = noon.UnixMilli()
	return e, true, nil
}

func (wordsDialect) Identity() string { return "words" }

func TestStoreRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := newEventLog()
	log.beat("n1", ago(3))
	logs := writeFile(t, filepath.Join(dir, "log"), strings.Join(log.lines, ""))
	filled, open := filepath.Join(dir, "filled.db"), filepath.Join(dir, "open.db")
	gatherInto := func(store, pattern string, opts Options) error {
		files, err := NewFiles([]string{pattern}, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		opts.Store = store
		e, err := Gather(t.Context(), files, opts)
		if err == nil && store != open {
			err = e.Close()
		} else if err == nil {
			t.Cleanup(func() { _ = e.Close() })
		}
		return err
	}
	event := Options{Dialect: eventDialect{}, Environment: "pro-eu"}
	for _, store := range []string{filled, open} {
		if err := gatherInto(store, logs, event); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		store, logs string
		opts        Options
		want        string
	}{
		"another environment": {filled, logs, Options{Dialect: eventDialect{}, Environment: "fat"}, "was filled for environment pro-eu"},
		"another dialect":     {filled, logs, Options{Dialect: wordsDialect{}, Environment: "pro-eu"}, "was filled with another dialect"},
		"in use":              {open, logs, event, "another process uses it"},
		"no store":            {logs, logs, event, "it is no store"},
		"standard input":      {filepath.Join(dir, "a.db"), "-", event, "standard input cannot be read on"},
		"a log itself":        {filled, dir + "/f*", event, "is one of the logs"},
		"nowhere":             {filepath.Join(dir, "none", "a.db"), logs, event, "it cannot be opened and written"},
	} {
		if err := gatherInto(test.store, test.logs, test.opts); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
}

// A statement that is cut off, be it the commit, is no fault of the store.
func TestStoreIsInterrupted(t *testing.T) {
	t.Parallel()
	s, err := openStore(t.Context(), filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 400 {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Duration(i)*10*time.Microsecond, cancel)
		err := s.change(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO meta VALUES ('n', ?)", i)
			return err //nolint:wrapcheck // as it comes
		})
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("after %d: %v", i, err)
		}
		cancel()
	}
}

// A store that took what came goes on for the one environment it has seen.
func TestStoreNarrows(t *testing.T) {
	t.Parallel()
	log := newEventLog()
	log.beat("n1", ago(3))
	dir, store := t.TempDir(), filepath.Join(t.TempDir(), "s")
	writeFile(t, filepath.Join(dir, "log"), strings.Join(log.lines, ""))
	want := mustIngest(t, dir, store)
	files, err := NewFiles([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Gather(t.Context(), files, Options{Dialect: eventDialect{}, Environment: "pro-eu", Store: store})
	if err != nil {
		t.Fatal(err)
	}
	sameEvidence(t, "narrowed", want, inMemory(t, e))
}

// Hostile values survive the way through a store and through spilled runs.
func TestStoreKeepsOddTexts(t *testing.T) {
	t.Parallel()
	log := newEventLog()
	for _, client := range []string{"\x00", "a\x00b", "a", "', DROP TABLE tally; --", "\u2028", "\U0010ffff", "é", strings.Repeat("x", 70_000)} {
		log.request("n\x001", "key/a/k", client, schemas.HowClaimed, schemas.ReasonNone, noon)
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "log"), strings.Join(log.lines, ""))
	want := fold(t, "", log.lines...)
	sameEvidence(t, "store", want, mustIngest(t, dir, filepath.Join(t.TempDir(), "s")))
	files, err := NewFiles([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Gather(t.Context(), files, Options{Dialect: eventDialect{}, Memory: 4096})
	if err != nil {
		t.Fatal(err)
	}
	sameEvidence(t, "spill", want, inMemory(t, e))
}
