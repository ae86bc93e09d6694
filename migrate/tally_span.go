package migrate

import (
	"context"
	"iter"
	"slices"
	"sort"

	"lockstep/schemas"
)

// A tallySpan is some tallies in order, each key once: all those of some clients
// of subjects, so that spans can be looked at side by side. Its groups are of
// its texts.
type tallySpan struct {
	texts   *tallyTexts
	tallies []tallyEntry
}

// spanTallies is how many tallies a span has about: they fit into the cache of
// a processor.
const spanTallies = 1 << 12

// A spanLoader returns a span, which may lie in the memory. It may be called by
// any goroutine.
type spanLoader func(*spanMemory) (tallySpan, error)

// spanned is a source whose spans can be loaded side by side.
type spanned interface {
	spans(ctx context.Context) iter.Seq2[spanLoader, error]
}

// spansOf yields what a source has, in order.
func spansOf(ctx context.Context, source tallySource) iter.Seq2[spanLoader, error] {
	switch s := source.(type) {
	case nil:
		return func(func(spanLoader, error) bool) {}
	case spanned:
		return s.spans(ctx)
	}
	return spansOfRows(source.rows(ctx))
}

// rowsOfSpans yields the rows of spans, one after the other.
func rowsOfSpans(spans iter.Seq2[spanLoader, error]) iter.Seq2[tallyRow, error] {
	return func(yield func(tallyRow, error) bool) {
		var span tallySpan
		var memory spanMemory
		for load, err := range spans {
			if err == nil {
				span, err = load(&memory)
			}
			if err != nil {
				yield(tallyRow{}, err)
				return
			}
			for i := range span.tallies {
				if !yield(span.texts.row(&span.tallies[i]), nil) {
					return
				}
			}
		}
	}
}

// each yields the tallies of one client after the other. One that is known in
// two ways is two.
func (s tallySpan) each() iter.Seq[[]tallyEntry] {
	return func(yield func([]tallyEntry) bool) {
		hows := s.texts.hows(nil)
		for rest := s.tallies; len(rest) > 0; {
			first, n := &rest[0], 1
			for n < len(rest) && rest[n].who() == first.who() && hows[rest[n].rest] == hows[first.rest] {
				n++
			}
			if !yield(rest[:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}

// touch has the memory of the names of all clients come: it is waited for once
// and not for each client. What it returns means nothing.
func (s tallySpan) touch() (touched int) {
	last := uint32(1<<32 - 1)
	for i := range s.tallies {
		if number := s.tallies[i].client; number != last {
			last = number
			if name := s.texts.clients[number]; name != "" {
				touched += int(name[0])
			}
		}
	}
	return touched
}

// hows appends, for each rest of a key, the first one of the same how: numbers
// compare faster.
func (t *tallyTexts) hows(numbers []uint32) []uint32 {
	var firsts []uint32
	for i := range t.rests {
		same := func(first uint32) bool { return t.rests[first].How == t.rests[i].How }
		at := slices.IndexFunc(firsts, same)
		if at < 0 {
			at = len(firsts)
			firsts = append(firsts, uint32(i)) //nolint:gosec // memory ends before 32 bits do
		}
		numbers = append(numbers, firsts[at])
	}
	return numbers
}

// bySubject yields the tallies of one subject after the other.
func (s tallySpan) bySubject() iter.Seq[[]tallyEntry] {
	return func(yield func([]tallyEntry) bool) {
		for rest := s.tallies; len(rest) > 0; {
			n := sort.Search(len(rest), func(i int) bool { return rest[i].subject != rest[0].subject })
			if !yield(rest[:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}

// ofClient are those tallies of a subject that are of a client.
func (s tallySpan) ofClient(tallies []tallyEntry, client string) []tallyEntry {
	from := sort.Search(len(tallies), func(i int) bool { return s.texts.clients[tallies[i].client] >= client })
	n := sort.Search(len(tallies)-from, func(i int) bool { return s.texts.clients[tallies[from+i].client] != client })
	return tallies[from : from+n]
}

// who is the subject and the client of a tally.
func (s tallySpan) who(e *tallyEntry) (subject string, client clientKey) {
	return s.texts.subjects[e.subject], clientKey{s.texts.clients[e.client], s.texts.rests[e.rest].How}
}

// spansOfRows makes spans of rows that are in order.
func spansOfRows(rows iter.Seq2[tallyRow, error]) iter.Seq2[spanLoader, error] {
	return func(yield func(spanLoader, error) bool) {
		b := newSpanBuilder()
		end := func() bool {
			span := b.span
			b = newSpanBuilder()
			return len(span.tallies) == 0 || yield(func(*spanMemory) (tallySpan, error) { return span, nil }, nil)
		}
		for row, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			if len(b.span.tallies) >= spanTallies && !b.endsWith(row.Subject, row.Client) && !end() {
				return
			}
			b.add(&row)
		}
		end()
	}
}

// sortedRows are rows that are in order, to be read once.
type sortedRows iter.Seq2[tallyRow, error]

// rows implements [tallySource].
func (r sortedRows) rows(context.Context) iter.Seq2[tallyRow, error] {
	return iter.Seq2[tallyRow, error](r)
}

// Close implements [tallySource].
func (sortedRows) Close() error { return nil }

// A spanBuilder makes a span of what comes in order.
type spanBuilder struct {
	span  tallySpan
	rests map[schemas.TallyKey]uint32
	last  schemas.TallyKey // whose rest was numbered
	rest  uint32
}

func newSpanBuilder() *spanBuilder {
	return &spanBuilder{span: tallySpan{texts: &tallyTexts{}}, rests: map[schemas.TallyKey]uint32{}}
}

func (b *spanBuilder) endsWith(subject, client string) bool {
	n := len(b.span.tallies)
	if n == 0 {
		return false
	}
	last := &b.span.tallies[n-1]
	return b.span.texts.subjects[last.subject] == subject && b.span.texts.clients[last.client] == client
}

// add adds a row. A client has a number for as long as it stays the same.
func (b *spanBuilder) add(row *tallyRow) {
	t := b.span.texts
	if !b.endsWith(row.Subject, row.Client) {
		if n := len(t.subjects); n == 0 || t.subjects[n-1] != row.Subject {
			t.subjects = append(t.subjects, row.Subject)
		}
		t.clients = append(t.clients, row.Client)
	}
	b.span.tallies = append(b.span.tallies, tallyEntry{
		count: row.Count, firstMS: row.FirstMS, lastMS: row.LastMS, hours: row.Hours,
		group: group{uint32(len(t.subjects) - 1), uint32(len(t.clients) - 1), b.number(row.TallyKey)}, //nolint:gosec // few
	})
}

// number is the number of what is left of a key.
func (b *spanBuilder) number(key schemas.TallyKey) uint32 {
	key.Subject, key.Client = "", ""
	if len(b.rests) > 0 && key == b.last {
		return b.rest
	}
	number, ok := b.rests[key]
	if !ok {
		number = uint32(len(b.span.texts.rests)) //nolint:gosec // few
		b.rests[key], b.span.texts.rests = number, append(b.span.texts.rests, key)
	}
	b.last, b.rest = key, number
	return number
}
