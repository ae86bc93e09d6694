package migrate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"lockstep/schemas"
)

// A reference folds in the simplest way that is right: line by line, with
// maps, everything in memory. It is what the fold is held to.
type reference struct {
	coverage Coverage
	samples  []Sample
	seen     map[string]bool
	tallies  map[schemas.TallyKey]schemas.Tally
}

// fold takes in the content of one file.
func (r *reference) fold(file, content string) {
	number := 0
	for line := range strings.Lines(content) {
		number++
		text, whole := strings.CutSuffix(line, "\n")
		event, err := schemas.ParseEvent(text)
		switch {
		case len(text) > MaxLine:
			r.unparsed(file, number, "longer than 1024 KiB")
		case strings.TrimSpace(text) == "":
			r.coverage.Ignored++
		case err != nil && !whole:
			r.coverage.Unfinished++
			continue
		case err != nil:
			r.unparsed(file, number, err.Error())
		case !r.isNew(event):
			r.coverage.Ignored++
		default:
			r.coverage.Parsed++
			if event.Kind == schemas.EventTally {
				key, tally := event.Tally()
				merged := r.tallies[key]
				merged.Merge(tally)
				r.tallies[key] = merged
			}
		}
		r.coverage.Lines++
	}
}

func (r *reference) isNew(e schemas.Event) bool {
	id := fmt.Sprintf("%q %q %d", e.Node, e.Boot, e.Seq)
	defer func() { r.seen[id] = true }()
	return !r.seen[id]
}

func (r *reference) unparsed(file string, number int, reason string) {
	r.coverage.Unparsed++
	if len(r.samples) < maxSamples {
		r.samples = append(r.samples, Sample{File: file, Line: number, Reason: reason})
	}
}

// hostileLog has what logs have and should not: duplicates, any order,
// garbage, injected lines, long lines, times of the future, a torn end.
func hostileLog(random *rand.Rand) string {
	log := newEventLog()
	for range 20 + random.IntN(3000) {
		at := noon.Add(time.Duration(random.Int64N(int64(400*24*time.Hour))) - 30*24*time.Hour)
		client := []string{"10.0.0.1", "", "a\nb", `{"kind":"tally"}`, "\x1b[31m", strings.Repeat("é", 200), fmt.Sprint(random.Uint64())}[random.IntN(7)]
		if client == "" {
			log.add("n1", at, schemas.Event{Kind: schemas.EventHeartbeat})
			continue
		}
		log.request(fmt.Sprintf("n%d", random.IntN(3)), "key/a/k1", client, schemas.HowClaimed, schemas.ReasonNone, at)
	}
	lines := log.lines
	for range random.IntN(50) {
		odd := []string{
			"\n", "  \r\n", "null\n", "{}\n", "\x00\x00\n", "\xff\xfe\n", strings.Replace(log.lines[0], "\n", "\r\n", 1),
			log.lines[random.IntN(len(log.lines))], log.lines[random.IntN(len(log.lines))][:10] + "\n", strings.ToUpper(log.lines[0]),
			strings.Replace(log.lines[0], "{", "{ ", 1), log.lines[0][:len(log.lines[0])-2] + "}}\n",
		}
		lines = append(lines, odd[random.IntN(len(odd))])
	}
	if random.IntN(4) == 0 {
		lines = append(lines, strings.Repeat("x", MaxLine-5+random.IntN(10))+"\n", strings.Repeat("y", 3<<20)+"\n")
	}
	random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	text := strings.Join(lines, "")
	return text[:len(text)-random.IntN(40)]
}

// However logs are packed, split into blocks, and spilled: the fold says what
// the reference says.
func TestGatherAgreesWithTheReference(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 77))
		dir := t.TempDir()
		want := reference{seen: map[string]bool{}, tallies: map[schemas.TallyKey]schemas.Tally{}}
		for i := range 1 + random.IntN(4) {
			path, content := filepath.Join(dir, fmt.Sprint(i)), hostileLog(random)
			want.fold(path, content)
			writeFile(t, path, packed(t, random, content))
		}
		files, err := NewFiles([]string{dir}, nil)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Gather(t.Context(), files, Options{Dialect: eventDialect{}, Memory: 1 << (12 + random.IntN(10))})
		if err != nil {
			t.Fatal(err)
		}
		got := reference{e.Coverage, e.Samples, want.seen, talliesOf(e)}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(reference{})); diff != "" {
			t.Fatalf("seed %d: (-reference +fold)\n%.3000s", seed, diff)
		}
		inMemory(t, e)
	}
}

// packed is content, plain or in one of the forms that logs are kept in.
func packed(t *testing.T, random *rand.Rand, content string) string {
	t.Helper()
	switch random.IntN(3) {
	case 0:
		return gzipped(t, content)
	case 1:
		return zstandard(t, content)
	}
	return content
}

func zstandard(t *testing.T, content string) string {
	t.Helper()
	var buf bytes.Buffer
	w, err := zstd.NewWriter(&buf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

// A Zipf distribution of 2,000 apps and 50,000 clients has 1.74 million
// groups. Spilled to many runs, they are the same to the last one. FULL=1
// takes them all, without it there are 100,000.
func TestSpillIsExact(t *testing.T) {
	t.Parallel()
	groups, memory := 100_000, int64(1<<20)
	if os.Getenv("FULL") != "" {
		groups, memory = 1_742_592, 16<<20
	}
	random := rand.New(rand.NewPCG(5, 6))
	app, client := rand.NewZipf(random, 1.05, 200, 1999), rand.NewZipf(random, 1.05, 5000, 49_999)
	whole := newTallyTable()
	spill := &tallySpill{memory: memory, table: newTallyTable()}
	for len(whole.index) < groups {
		key := schemas.TallyKey{
			Environment: "pro-eu", Node: "n", Subject: fmt.Sprintf("key/app-%d/k1", app.Uint64()), How: schemas.HowVerified,
			Client: fmt.Sprintf("10.0.%d", client.Uint64()), Outcome: schemas.OutcomeOK, Day: "2026-11-21",
		}
		var tally schemas.Tally
		tally.Add(noon.UnixMilli() + random.Int64N(hourMS))
		whole.add(key, tally)
		spill.table.add(key, tally)
		if err := spill.settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(spill.runs) < 2 || len(spill.runs) >= maxRuns {
		t.Errorf("%d runs", len(spill.runs))
	}
	sameRows(t, whole, spill)
	sameRows(t, whole, spill) // they can be read again
	if err := spill.Close(); err != nil {
		t.Error(err)
	}
}

func sameRows(t *testing.T, a, b tallySource) {
	t.Helper()
	var rows []tallyRow
	for row, err := range a.rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	n := 0
	for row, err := range b.rows(t.Context()) {
		if err != nil || n >= len(rows) || row != rows[n] {
			t.Fatalf("row %d is %+v, %v", n, row, err)
		}
		n++
	}
	if n != len(rows) {
		t.Errorf("%d rows of %d", n, len(rows))
	}
}

// A run that cannot be read is an error of whoever asks, and stays one.
func TestEvidenceOfABrokenRun(t *testing.T) {
	t.Parallel()
	log := newEventLog()
	for i := range 3000 {
		log.request("n1", "key/a/k1", fmt.Sprintf("client-%d", i), schemas.HowClaimed, schemas.ReasonNone, noon)
	}
	path := writeFile(t, filepath.Join(t.TempDir(), "log"), strings.Join(log.lines, ""))
	files, err := NewFiles([]string{path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Gather(t.Context(), files, Options{Dialect: eventDialect{}, Memory: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	spill, ok := e.source.(*tallySpill)
	if !ok || len(spill.runs) == 0 {
		t.Fatalf("nothing was spilled: %T", e.source)
	}
	run := spill.runs[0].file
	for i, spoil := range []func() error{
		func() error { return run.Truncate(100) },
		func() error { _, err := run.WriteAt(bytes.Repeat([]byte{0xff}, 9), 0); return err },
		run.Close,
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		e.failed = nil
		if _, err := e.Digest(); err == nil {
			t.Errorf("spoilt %d times: a digest of what cannot be read", i+1)
		}
		e.failed = nil
		if err := e.WriteJSON(io.Discard); err == nil {
			t.Errorf("spoilt %d times: a report of what cannot be read", i+1)
		}
	}
	_ = e.Close()
}

// A failingSource fails in the round that is named.
type failingSource struct {
	*tallyTable

	rounds int
}

func (f *failingSource) rows(ctx context.Context) iter.Seq2[tallyRow, error] {
	f.rounds--
	if f.rounds != 0 {
		return f.tallyTable.rows(ctx)
	}
	return func(yield func(tallyRow, error) bool) { yield(tallyRow{}, io.ErrUnexpectedEOF) }
}

// A plan is never made from part of the evidence.
func TestNewPlanOfBrokenEvidence(t *testing.T) {
	t.Parallel()
	for round := 1; ; round++ {
		in := caseInput(t, filepath.Join(casesDir, "ready"))
		source := &failingSource{inMemory(t, in.Evidence).source.(*tallyTable), round}
		in.Evidence.source = source
		_, err := NewPlan(in)
		if source.rounds > 0 {
			if round == 1 || err != nil {
				t.Fatalf("in round %d: %v", round, err)
			}
			return
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("broken in round %d: error %v", round, err)
		}
	}
}

// Nodes and boots that nobody can have are refused before they fill the memory.
func TestGatherRefusesTooManyNodes(t *testing.T) {
	t.Parallel()
	log := newEventLog()
	for i := range 1500 {
		log.add(fmt.Sprintf("node-%d", i), noon, schemas.Event{Kind: schemas.EventHeartbeat})
	}
	path := writeFile(t, filepath.Join(t.TempDir(), "log"), strings.Join(log.lines, ""))
	files, err := NewFiles([]string{path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Gather(t.Context(), files, Options{Dialect: eventDialect{}, Memory: 64 << 10})
	if err == nil || !strings.Contains(err.Error(), "more nodes and missing lines than fit") {
		t.Errorf("error %v, want a refusal", err)
	}
}
