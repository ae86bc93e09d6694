package migrate

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

// saysOf is all that a fold of logs says, read in the simplest way or counted
// beside the fold.
func saysOf(t *testing.T, paths []string, opts Options) string {
	t.Helper()
	files, err := NewFiles(paths, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Gather(t.Context(), files, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	return report(t, e)
}

// However many blocks, files and workers there are, however little memory, with
// a store from time to time or without: lines that are counted by workers say
// what they say one by one.
func TestCountedLinesAgreeWithTheReference(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 21))
		dir, store := t.TempDir(), filepath.Join(t.TempDir(), "store.db")
		opts := Options{Dialect: wordLines{}, Memory: []int64{4 << 10, 300 << 10, DefaultMemory}[random.IntN(3)]}
		ms, kept := int64(1_800_000_000_000), ""
		for i := range 1 + random.IntN(5) {
			text := strings.Join(drawLines(random, &ms, 1+random.IntN(20_000)), "")
			writeFile(t, filepath.Join(dir, fmt.Sprintf("%d.log", i)), packed(t, random, text))
			stored := opts
			stored.Store, stored.Now = store, ticking(time.Second)
			kept = saysOf(t, []string{dir}, stored)
		}
		simple := opts
		simple.simple = true
		want := saysOf(t, []string{dir}, simple)
		if diff := cmp.Diff(want, saysOf(t, []string{dir}, opts)); diff != "" {
			t.Fatalf("seed %d (-one by one +counted):\n%.3000s", seed, diff)
		}
		if diff := cmp.Diff(want, kept); diff != "" {
			t.Fatalf("seed %d (-one by one +with a store):\n%.3000s", seed, diff)
		}
	}
}

// Names take memory, too: who invents many is counted to the last one.
func TestCountedLinesOfManyNames(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := range 30_000 {
		word := []string{"alone", "first", "second"}[i%3]
		fmt.Fprintf(&text, "#%d thread-%d app-%d client-%s%d %s\n", noon.UnixMilli()+int64(i/3), i/3%500, i/3, strings.Repeat("x", i%30), i/3, word)
	}
	path := writeFile(t, filepath.Join(t.TempDir(), "n.log"), text.String())
	want := saysOf(t, []string{path}, Options{Dialect: wordLines{}, simple: true})
	for _, memory := range []int64{1 << 20, 8 << 20, DefaultMemory} {
		if diff := cmp.Diff(want, saysOf(t, []string{path}, Options{Dialect: wordLines{}, Memory: memory})); diff != "" {
			t.Errorf("%d bytes (-one by one +counted):\n%.3000s", memory, diff)
		}
	}
}

// A part sums up what its lines say, whatever the order of their days.
func TestLinePartAgreesWithTallies(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 22))
		f := NewFold("")
		c := newLineCount(wordLines{}, &Options{Memory: 1 << 20}, f)
		w := newLineWorker(c)
		want := newTallyTable()
		for range 20 {
			var lines []countedLine
			for range random.IntN(2000) {
				l := drawLine(random, c)
				r := c.record(&l)
				key, tally := r.Event.Tally()
				want.add(key, tally)
				lines = append(lines, l)
			}
			w.count(lines)
		}
		c.drain(f)
		sameRows(t, want, f.table)
	}
}

// drawLine draws a line of any day, mostly of one of the last.
func drawLine(random *rand.Rand, c *lineCount) countedLine {
	ms := noon.UnixMilli() - random.Int64N(hourMS)*[]int64{0, 1, 30, 30, 500}[random.IntN(5)]
	key := schemas.TallyKey{Environment: "pro", Node: "n", Reason: schemas.Reasons()[random.IntN(3)]}
	number := c.kindNumber(&Record{Node: "n", Event: schemas.TallyEvent(key, schemas.Tally{})})
	client := fmt.Sprintf("10.0.%d.%d", random.IntN(2), random.IntN(200))
	if random.IntN(4) == 0 {
		client = "(no address)"
	}
	c.threadNumber("t")
	return countedLine{who: c.callers.number(fmt.Sprint("key/", random.IntN(20)), client), ms: ms, kind: number}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	all, known := newTexts(), map[string]uint64{}
	random := rand.New(rand.NewPCG(1, 23))
	for i := range uint64(5000) {
		name := strings.Repeat("\x00", random.IntN(3)) + strings.Repeat("a", random.IntN(30)) + strings.Repeat("\x00", random.IntN(3)) + fmt.Sprint(random.IntN(40))
		text := strings.Repeat(" ", random.IntN(9)) + name
		at := Span{uint32(len(text) - len(name)), uint32(len(text))}
		text += strings.Repeat("b", random.IntN(30))
		got, ok := all.find(text, at)
		want, wanted := known[name]
		if ok != wanted || ok && got != want {
			t.Fatalf("%q is %d, %t; want %d, %t", name, got, ok, want, wanted)
		}
		if !ok {
			known[name] = all.add(text, at, i)
		}
		if random.IntN(2000) == 0 {
			all.clear()
			clear(known)
		}
	}
}

// FuzzCountedLines draws lines, blocks, files, and moments at which all numbers
// begin anew: those that are the first of their request are those that the
// simplest pairing finds.
func FuzzCountedLines(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 24))
	for size := range 20 {
		drawn := make([]byte, 12*size)
		for i := range drawn {
			drawn[i] = byte(random.Uint32())
		}
		f.Add(drawn)
	}
	const text = "t1 t2 t3 app-0 app-1 c-0 c-1 "
	f.Fuzz(func(t *testing.T, drawn []byte) {
		fold := NewFold("")
		c := newLineCount(wordLines{}, &Options{Memory: 1 << 20}, fold)
		w := c.worker().(*lineWorker)
		want, wanted, got := simplePairing{tails: map[string][]Record{}}, map[string]int{}, map[string]int{}
		b, ms := &batch{whose: "n"}, int64(1_800_000_000_000)
		apply := func() {
			fold.apply(b)
			for lines, ok := c.next(); ok; lines, ok = c.next() {
				for i := range lines {
					got[fmt.Sprint(c.record(&lines[i]))]++
				}
			}
			b = &batch{whose: "n", block: Block{File: b.block.File}}
		}
		for ; len(drawn) >= 2; drawn = drawn[2:] {
			now, what := drawn[0], drawn[1]
			ms += []int64{0, 1, 20, 400, 999, 1000, 1001, 3000, -5, -990, -1500, 30, 0, 2, 86_400_000, -86_400_000}[now&15]
			switch now >> 5 {
			case 0:
				apply()
			case 1:
				apply()
				c.forget(fold)
			case 2:
				apply()
				b.block.File = fmt.Sprint("file-", what>>7)
			}
			b.block.Text = text
			l := Line{TimeMS: ms, Kind: what & 1, Thread: wordAt(text, int(what>>1)%3), Subject: wordAt(text, 3+int(what>>3&1)), Client: wordAt(text, 5+int(what>>4&1))}
			r, ok := wordLines{}.Meaning("n", text, &l)
			if !ok || !w.number(b, &l) {
				t.Fatalf("%+v has no number", l)
			}
			if want.first(b.block.File, r) {
				wanted[fmt.Sprint(c.record(&b.lines[len(b.lines)-1]))]++
			}
		}
		apply()
		if !maps.Equal(wanted, got) {
			t.Fatal(cmp.Diff(wanted, got))
		}
		if diff := cmp.Diff(len(want.rest()), len(fold.Pairing.rest(fold.callers))); diff != "" {
			t.Fatal(diff)
		}
	})
}

// wordAt is the place of a word in a text.
func wordAt(text string, word int) Span {
	from := 0
	for range word {
		from += strings.IndexByte(text[from:], ' ') + 1
	}
	return Span{uint32(from), uint32(from + strings.IndexByte(text[from:], ' '))}
}
