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

	"lockstep/schemas"
)

// gateway is a mapping of lines as [authLines] writes them.
func gateway() schemas.Mapping {
	return schemas.Mapping{
		Format: schemas.FormatJSON, Environment: "pro", Time: "time", App: "app", Key: "key", Node: "node", Select: `msg == "auth"`,
		Client: []schemas.MappingClient{{From: "peer.ip", How: schemas.HowVerified}, {From: "client", How: schemas.HowClaimed}},
		OK:     `outcome == "pass"`, Fail: `outcome == "fail"`,
		Reasons: map[schemas.Reason]string{
			schemas.ReasonMissing: `reason == "missing_header"`, schemas.ReasonSkew: `reason == "expired_timestamp"`,
		},
	}
}

func gatewayDialect(tb testing.TB, m schemas.Mapping) Dialect {
	tb.Helper()
	d, err := NewDialect(Selection{Name: "gateway", Mappings: map[string]schemas.Mapping{"gateway": m}, Nodes: []string{"n1", "n2"}})
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// authLines are lines of a gateway, and what else ends up in its log.
func authLines(random *rand.Rand, count int) string {
	var text strings.Builder
	at := noon.Add(-3 * 24 * time.Hour)
	for range count {
		at = at.Add(time.Duration(random.IntN(300)) * time.Second)
		if random.IntN(50) == 0 {
			text.WriteString(oddLine(random))
			continue
		}
		when := at
		if random.IntN(20) == 0 {
			when = at.Add(-time.Duration(random.IntN(4*24*60)) * time.Minute)
		}
		outcome := `"pass"`
		if random.IntN(5) == 0 {
			outcome = `"fail","reason":"` + []string{"missing_header", "expired_timestamp", "bad_signature", ""}[random.IntN(4)] + `"`
		}
		peer := ""
		if random.IntN(3) == 0 {
			peer = []string{`,"peer":{"ip":"10.1.1.1"}`, `,"peer":{}`, `,"peer":{"ip":null,"port":1}`, `,"peer":{"ip":["a","b"]}`}[random.IntN(4)]
		}
		app := []string{`"app-1"`, `"app-2"`, `"caf\u00e9"`, `"a/b"`, `7`, `"app-1\u0031"`}[min(random.IntN(12), 5)]
		client := []string{"10.0.0.1", "10.0.0.2", "é", "a\xffb", "", strings.Repeat("long", 400), fmt.Sprint(random.IntN(50))}[random.IntN(7)]
		fmt.Fprintf(&text, `{"time":%s,"level":"INFO","msg":"%s","app":%s,"key":"k%d","client":"%s"%s,"node":"n%d","ms":%d,"outcome":%s}`+"\n",
			jsonTime(random, when), []string{"auth", "auth", "auth", "other"}[random.IntN(4)], app, random.IntN(2), client, peer, random.IntN(3), random.IntN(100), outcome)
	}
	return text.String()
}

func jsonTime(random *rand.Rand, at time.Time) string {
	switch random.IntN(8) {
	case 0:
		return `"` + at.In(time.FixedZone("", 5*3600+1800)).Format(time.RFC3339Nano) + `"`
	case 1:
		return `"` + at.Format("2006-01-02T15:04:05.123456789Z07:00") + `"`
	}
	return `"` + at.Format("2006-01-02T15:04:05.000Z") + `"`
}

func oddLine(random *rand.Rand) string {
	return []string{
		"\n", "  \r\n", "null\n", "{}\n", "\xff\xfe\n", `{"time":"2026-11-21T10:00:00Z","msg":"auth","msg":"other"}` + "\n",
		`{"time":"yesterday","msg":"auth","outcome":"pass","app":"a","client":"c","node":"n1"}` + "\n", `{"msg":"other"}` + "\r\n", "{\n",
		`{"time":"2026-11-21T24:00:00Z","msg":"auth","outcome":"pass","app":"a","client":"c","node":"n1"}` + "\n",
		`{"time":"2026-11-21T10:00:00,5Z","msg":"auth","outcome":"pass","app":"a","client":"c","node":"n1"}` + "\n",
		`{"time":"1969-11-21T10:00:00Z","msg":"auth","outcome":"pass","app":"a","client":"c","node":"n1"}` + "\n",
		`{"time":"2026-11-21T10:00:00Z","msg":"auth","outcome":"pass","app":"a","client":"c","node":7,"peer":"none"}` + "\n",
		`{"time":"2026-11-21T10:00:00Z","msg":"auth","outcome":"pass","app":"a","client":"c","peer":null}` + "\n",
		`{"x":"` + strings.Repeat("x", 40_000) + `","time":"2026-11-21T10:00:00Z","msg":"auth","outcome":"pass","app":"a","client":"` + strings.Repeat("y", 20_000) + `","node":"n1"}` + "\n",
	}[random.IntN(15)]
}

// sameFold gathers logs line by line and by groups, and compares.
func sameFold(t *testing.T, paths []string, opts Options) {
	t.Helper()
	reference := opts
	reference.simple, reference.Store = true, ""
	want, got := gathered(t, paths, reference), gathered(t, paths, opts)
	if want.Coverage != got.Coverage {
		t.Errorf("coverage %+v, want %+v", got.Coverage, want.Coverage)
	}
	if diff := cmp.Diff(report(t, want), report(t, got)); diff != "" {
		t.Errorf("by groups it is something else (-lines +groups):\n%.3000s", diff)
	}
}

func gathered(t *testing.T, paths []string, opts Options) *Evidence {
	t.Helper()
	files, err := NewFiles(paths, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Gather(t.Context(), files, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// report is all that is said of evidence.
func report(t *testing.T, e *Evidence) string {
	t.Helper()
	var text bytes.Buffer
	if err := e.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	digest, err := e.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for key, tally := range e.Tallies {
		fmt.Fprintf(&text, "%+v %+v\n", key, tally)
	}
	return fmt.Sprintf("%s\n%s\n%+v\n%+v", text.String(), digest, e.Nodes, e.Gaps)
}

func TestGroupsAgreeWithLines(t *testing.T) {
	t.Parallel()
	unix := gateway()
	unix.Time, unix.Layout = "ms", layoutUnix
	unnamed := gateway()
	unnamed.Node = ""
	for name, m := range map[string]schemas.Mapping{"a node in each line": gateway(), "a node for each file": unnamed, "the time is a number": unix} {
		for seed := range uint64(6) {
			random := rand.New(rand.NewPCG(seed, 5))
			dir := t.TempDir()
			for i := range 1 + random.IntN(3) {
				writeFile(t, filepath.Join(dir, fmt.Sprintf("n%d.log", i)), packed(t, random, authLines(random, random.IntN(4000))))
			}
			opts := Options{Dialect: gatewayDialect(t, m), Memory: 1 << (13 + random.IntN(12))}
			if random.IntN(2) == 0 {
				opts.Environment = []string{"pro", "other"}[min(random.IntN(4), 1)]
			}
			if random.IntN(2) == 0 {
				opts.Store, opts.Now = filepath.Join(t.TempDir(), "store"), ticking(commitAfter/time.Duration(1+random.IntN(8)))
			}
			if newGrouping(&Options{Dialect: opts.Dialect, Memory: 1 << 20}) == nil {
				t.Fatalf("%s: there are no groups", name)
			}
			sameFold(t, []string{dir}, opts)
			if t.Failed() {
				t.Fatalf("%s, seed %d, %+v", name, seed, opts)
			}
		}
	}
}

// BenchmarkGroups gathers the file that is named by LOCKSTEP_BENCH_LOG.
func BenchmarkGroups(b *testing.B) {
	path := os.Getenv("LOCKSTEP_BENCH_LOG")
	if path == "" {
		path = writeFile(b, filepath.Join(b.TempDir(), "log"), authLines(rand.New(rand.NewPCG(1, 2)), 100_000))
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	m := schemas.Mapping{
		Format: schemas.FormatJSON, Environment: "pro", Time: "time", App: "app", Key: "key",
		Client: []schemas.MappingClient{{From: "client", How: schemas.HowVerified}}, OK: `outcome == "pass"`, Fail: `outcome == "fail"`,
		Reasons: map[schemas.Reason]string{
			schemas.ReasonMissing: `reason == "missing_header"`, schemas.ReasonSkew: `reason == "expired_timestamp"`,
			schemas.ReasonUnknownKey: `reason == "unknown_key"`,
		},
	}
	d := gatewayDialect(b, m)
	b.SetBytes(info.Size())
	for b.Loop() {
		files, err := NewFiles([]string{path}, nil)
		if err != nil {
			b.Fatal(err)
		}
		e, err := Gather(b.Context(), files, Options{Dialect: d, Memory: 256 << 20})
		if err != nil {
			b.Fatal(err)
		}
		if err := errors.Join(e.WriteJSON(io.Discard), e.Close()); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzGroups gathers any text by groups and line by line.
func FuzzGroups(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(authLines(rand.New(rand.NewPCG(seed, 9)), 40), uint8(seed))
	}
	m := gateway()
	dialects := []Dialect{gatewayDialect(f, m)}
	m.Node = ""
	dialects = append(dialects, gatewayDialect(f, m))
	m.Time, m.Layout = "ms", layoutUnixMS
	dialects = append(dialects, gatewayDialect(f, m))
	f.Fuzz(func(t *testing.T, text string, how uint8) {
		if strings.Count(text, "\n") > 2000 {
			return
		}
		d := dialects[int(how)%len(dialects)]
		want := foldText(t, text, &Options{Dialect: d, Memory: 1 << 20, simple: true})
		for _, memory := range []int64{1 << 20, 1 << 10} {
			got := foldText(t, text, &Options{Dialect: d, Memory: memory})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("by groups it is something else (-lines +groups):\n%.3000s", diff)
			}
		}
	})
}

// A textSource has lines in blocks of two.
type textSource string

func (s textSource) Blocks(context.Context) iter.Seq2[Block, error] {
	return func(yield func(Block, error) bool) {
		number, rest := 1, string(s)
		for rest != "" {
			end := strings.IndexByte(rest, '\n') + 1
			end += strings.IndexByte(rest[end:], '\n') + 1
			block := Block{File: "n1.log", Number: number, Text: rest[:end]}
			if end == 0 {
				end = len(rest)
				block.Text, block.Open = rest, true
			}
			number += strings.Count(rest[:end], "\n")
			if rest = rest[end:]; !yield(block, nil) {
				return
			}
		}
	}
}

// foldText is what a fold says of a text.
func foldText(t *testing.T, text string, opts *Options) string {
	t.Helper()
	fold := NewFold(opts.Environment)
	groups := newCounting(opts, fold)
	fold.expect(opts.Dialect)
	for b, err := range parseAll(t.Context(), textSource(text), opts, groups) {
		if err != nil {
			t.Fatal(err)
		}
		if b.pause {
			groups.drain(fold)
		}
		fold.apply(b)
	}
	groups.drain(fold)
	e, err := fold.evidence(t.Context(), fold.table)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%+v %+v\n%s", e.Coverage, e.Samples, report(t, e))
}
