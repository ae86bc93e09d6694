package migrate

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

// wordLines reads lines "#ms thread app client first" or "second", or any other
// word for a line that does not count. It is the simplest [LineDialect].
type wordLines struct{ lies bool }

func (wordLines) Identity() string                                   { return "words" }
func (wordLines) Profile() Profile                                   { return Profile{} }
func (wordLines) Begins(line string) bool                            { return strings.HasPrefix(line, "#") }
func (wordLines) Parse(string) (e schemas.Event, ok bool, err error) { return e, false, nil }

func (wordLines) Record(file, text string) (Record, error) {
	words := strings.Fields(text)
	if len(words) < 5 || words[0][0] != '#' {
		return Record{}, errors.New("no words")
	}
	ms, err := strconv.ParseInt(words[0][1:], 10, 64)
	r := Record{Node: file, TimeMS: ms}
	if word := words[4]; word == "first" || word == "second" || word == "alone" {
		var tally schemas.Tally
		tally.Add(ms)
		r.Event = schemas.TallyEvent(schemas.TallyKey{Environment: "pro", Node: file, Subject: "key/" + words[2], Client: words[3], Day: utc(ms).Format("2006-01-02")}, tally)
		r.Event.TimeMS, r.Counts, r.Second = ms, true, word == "second"
		if word != "alone" {
			r.Thread = file + words[1]
		}
		if words[1] == "copy" {
			r.Copy = "copy"
		}
	}
	return r, err
}

func (d wordLines) Scanner(file, _ string) LineScanner { return wordScanner{d, file} }

// Meaning leaves the lines of an app to be read in full.
func (d wordLines) Meaning(file, text string, l *Line) (r Record, ok bool) {
	word := []string{"first", "second", "alone"}[l.Kind%4]
	r, err := d.Record(file, fmt.Sprintf("#%d %s %s %s %s", l.TimeMS, l.Thread.Of(text), l.Subject.Of(text), l.Client.Of(text), word))
	return r, err == nil && l.Subject.Of(text) != "app-2"
}

type wordScanner struct {
	wordLines

	file string
}

func (s wordScanner) Node() string { return s.file }

// Scan leaves out every tenth line or so.
func (s wordScanner) Scan(text string, at int, l *Line) (next int, reading Reading) {
	next = at + strings.IndexByte(text[at:], '\n') + 1
	r, err := s.Record(s.file, text[at:next])
	if err != nil || r.TimeMS%10 == 3 {
		return next, ReadNot
	}
	l.TimeMS = r.TimeMS
	if !r.Counts {
		return next, ReadSign
	}
	from := uint32(at)
	var spans []Span
	for word := range strings.SplitSeq(text[at:next-1], " ") {
		spans = append(spans, Span{from, from + uint32(len(word))})
		from += uint32(len(word)) + 1
	}
	l.Thread, l.Subject, l.Client = spans[1], spans[2], spans[3]
	if s.lies {
		l.Subject = l.Thread
	}
	switch {
	case r.Second:
		l.Kind = 1
	case r.Thread == "":
		l.Kind = 2
	}
	if r.Copy != "" {
		l.Kind += 4
	}
	return next, ReadCount
}

// inFull hides that lines of a dialect can be scanned.
type inFull struct{ RecordDialect }

// drawLines draws a log, with times that are not in order and lines that are
// none.
func drawLines(random *rand.Rand, ms *int64, count int) []string {
	var all []string
	for range count {
		*ms += []int64{0, 1, 20, 400, 990, 1001, 3000, 3_600_000, -5, -1500}[random.IntN(10)]
		thread := []string{"t1", "t2", "t3", "copy"}[random.IntN(4)]
		word := []string{"first", "first", "second", "second", "alone", "other"}[random.IntN(6)]
		record := fmt.Sprintf("#%d %s app-%d client-%d %s\n", *ms, thread, random.IntN(3), random.IntN(3), word)
		switch random.IntN(20) {
		case 0:
			record += " more\n\n"
		case 1:
			record = "#broken\n"
		}
		all = append(all, record)
	}
	return all
}

// foldCut folds a log that is cut into blocks in some places.
func foldCut(t *testing.T, d RecordDialect, random *rand.Rand, files [][]string) string {
	t.Helper()
	f, opts := NewFold(""), &Options{Dialect: d, Memory: 1 << 20}
	f.expect(d)
	counts := newCounting(opts, f)
	workers := []blockCounter{counts.worker(), counts.worker()}
	for i, records := range files {
		number := 1
		for len(records) > 0 {
			n := 1 + random.IntN(len(records))
			text := strings.Join(records[:n], "")
			f.apply(parse(Block{File: fmt.Sprint("node-", i%2), Number: number, Text: text}, opts, nil, workers[random.IntN(2)]))
			number += strings.Count(text, "\n")
			records = records[n:]
			if random.IntN(5) == 0 { // as if it were spilled
				counts.drain(f)
				var saved []tallyRow
				for row, err := range f.table.rows(t.Context()) {
					if saved = append(saved, row); err != nil {
						t.Fatal(err)
					}
				}
				f.table.clear()
				for _, row := range saved {
					f.table.add(row.TallyKey, row.Tally)
				}
			}
		}
	}
	counts.drain(f)
	f.settle()
	e, err := f.evidence(t.Context(), f.table)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := e.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// However a log is cut into blocks, lines that are scanned say what they say
// if all are read in full.
func TestScannedLinesAgreeWithTheReference(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 5))
		ms := int64(1_800_000_000_000)
		var files [][]string
		for range 1 + random.IntN(4) {
			files = append(files, drawLines(random, &ms, 1+random.IntN(3000)))
		}
		d := wordLines{}
		want := foldCut(t, inFull{d}, random, files)
		if diff := cmp.Diff(want, foldCut(t, d, random, files)); diff != "" {
			t.Fatalf("seed %d (-in full +scanned):\n%.3000s", seed, diff)
		}
	}
}

// A scanner that does not say what the lines say is found out, and the block is
// read in full.
func TestScannerIsAudited(t *testing.T) {
	t.Parallel()
	random, ms := rand.New(rand.NewPCG(1, 5)), int64(1_800_000_000_000)
	files := [][]string{drawLines(random, &ms, 5000)}
	d := wordLines{lies: true}
	for at := range files[0] { // the line that is looked at counts
		files[0][at] = strings.Replace(files[0][at], "other", "alone", 1)
	}
	opts := &Options{Dialect: d}
	worker := newCounting(opts, NewFold("")).worker()
	if b := parse(Block{File: "n", Number: 1, Text: strings.Join(files[0], "")}, opts, nil, worker); len(b.records) != len(b.lines) {
		t.Errorf("%d lines of %d were read in full", len(b.records), len(b.lines))
	}
}
