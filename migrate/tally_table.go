package migrate

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"lockstep/schemas"
)

// A tallyRow is a tally with its key.
type tallyRow struct {
	schemas.TallyKey
	schemas.Tally
}

// texts are the parts of the key, as a store holds them.
func (r *tallyRow) texts() [8]*string {
	return [...]*string{
		&r.Subject, &r.Client, (*string)(&r.How), (*string)(&r.Outcome), (*string)(&r.Reason),
		&r.Day, &r.Node, &r.Environment,
	}
}

// compare orders rows for reports, digests and merges.
func (r *tallyRow) compare(other *tallyRow) int {
	return cmp.Or(
		strings.Compare(r.Subject, other.Subject), strings.Compare(r.Client, other.Client), cmp.Compare(r.How, other.How),
		cmp.Compare(r.Outcome, other.Outcome), cmp.Compare(r.Reason, other.Reason), strings.Compare(r.Day, other.Day),
		strings.Compare(r.Node, other.Node), strings.Compare(r.Environment, other.Environment),
	)
}

// A tallySource yields tallies in order, each key once, as often as asked.
type tallySource interface {
	rows(ctx context.Context) iter.Seq2[tallyRow, error]
	Close() error
}

// What a tally, its place in an index and a new text take in memory besides
// the text, roughly: room for sorting, pieces that are not full, slots of maps
// that are part empty.
const (
	entryBytes = 68
	indexBytes = 56
	textBytes  = 80
	restBytes  = 512
)

// A tallyTable sums up tallies by key.
type tallyTable struct {
	tallyPart

	index  map[group]uint32 // places of the tallies that add has put in
	moved  []tallyList      // from other tables
	order  *tallyOrder      // of all tallies; nil if there are others since
	bytes  int64            // what all of it takes, roughly
	clears int              // how often numbers and places have begun anew
}

// A tallyPart is tallies with the texts of their keys. Those stand in it once
// and have numbers, so that tallies are small and compare fast.
type tallyPart struct {
	subjects, clients numbered[string]
	rests             numbered[schemas.TallyKey] // keys without subject and client
	chunks            [][]tallyEntry             // all but the last are full
	count             uint32
}

// A group is what one tally counts: the numbers of the parts of its key.
type group struct{ subject, client, rest uint32 }

// A tallyEntry is a tally of a group. The order of its fields leaves no gap.
type tallyEntry struct {
	count           uint64
	firstMS, lastMS int64
	hours           uint32
	group
}

func (e *tallyEntry) tally() schemas.Tally {
	return schemas.Tally{Count: e.count, FirstMS: e.firstMS, LastMS: e.lastMS, Hours: e.hours}
}

func (e *tallyEntry) merge(other schemas.Tally) {
	tally := e.tally()
	tally.Merge(other)
	e.count, e.firstMS, e.lastMS, e.hours = tally.Count, tally.FirstMS, tally.LastMS, tally.Hours
}

// chunkEntries is how many tallies are allocated at once, as a power of two.
const chunkEntries, chunkShift = 1 << chunkShift, 13

func newTallyPart() tallyPart {
	return tallyPart{
		subjects: newNumbered(strings.Clone),
		clients:  newNumbered(strings.Clone),
		rests:    newNumbered(cloneKey),
	}
}

func newTallyTable() *tallyTable {
	return &tallyTable{tallyPart: newTallyPart(), index: map[group]uint32{}}
}

// add merges a tally into its group.
func (t *tallyTable) add(key schemas.TallyKey, tally schemas.Tally) {
	g := t.group(key)
	place, ok := t.index[g]
	if !ok {
		place = t.place(g)
		t.index[g] = place
		t.bytes += indexBytes
	}
	t.entry(place).merge(tally)
}

// group is the group of a key, with numbers for the texts that are new.
func (t *tallyTable) group(key schemas.TallyKey) group {
	return group{t.subject(key.Subject), t.client(key.Client), t.rest(key)}
}

func (t *tallyTable) subject(name string) uint32 {
	return t.subjects.number(name, &t.bytes, textBytes+len(name))
}

func (t *tallyTable) client(name string) uint32 {
	return t.clients.number(name, &t.bytes, textBytes+len(name))
}

// rest is the number of what is left of a key.
func (t *tallyTable) rest(key schemas.TallyKey) uint32 {
	key.Subject, key.Client = "", ""
	return t.rests.number(key, &t.bytes, restBytes+len(key.Node)+len(key.Environment))
}

// place makes a new tally for a group, which may have others: those become one
// when they are read. Its place is good until then.
func (t *tallyTable) place(g group) uint32 {
	if int(t.count>>chunkShift) == len(t.chunks) {
		t.chunks = append(t.chunks, make([]tallyEntry, chunkEntries))
	}
	place := t.count
	t.count++
	t.bytes += entryBytes
	t.unsort()
	t.entry(place).group = g
	return place
}

// entry is the tally at a place.
func (p *tallyPart) entry(place uint32) *tallyEntry {
	return &p.chunks[place>>chunkShift][place%chunkEntries]
}

// A tallyList is tallies, and the texts that their groups are of.
type tallyList struct {
	tallyTexts

	chunks [][]tallyEntry
}

// tallyTexts are the parts of keys, by their numbers.
type tallyTexts struct {
	subjects, clients []string
	rests             []schemas.TallyKey // keys without subject and client
}

// row is a tally with its key.
func (t *tallyTexts) row(e *tallyEntry) tallyRow {
	row := tallyRow{t.rests[e.rest], e.tally()}
	row.Subject, row.Client = t.subjects[e.subject], t.clients[e.client]
	return row
}

// list is the tallies with their texts.
func (p *tallyPart) list() tallyList {
	used := slices.Clone(p.chunks[:(p.count+chunkEntries-1)>>chunkShift])
	if last := p.count % chunkEntries; last > 0 {
		used[len(used)-1] = used[len(used)-1][:last]
	}
	return tallyList{p.texts(), used}
}

func (p *tallyPart) texts() tallyTexts {
	return tallyTexts{p.subjects.values, p.clients.values, p.rests.values}
}

// take moves the tallies of tables that have the numbers of this one.
func (t *tallyTable) take(others ...*tallyTable) {
	list := tallyList{tallyTexts: t.texts()}
	for _, other := range others {
		list.chunks = append(list.chunks, other.list().chunks...)
		t.bytes += int64(other.count) * entryBytes
		other.chunks, other.count = nil, 0
	}
	t.moved = append(t.moved, list)
}

// merge moves the tallies of other tables into this one. The others are empty after.
func (t *tallyTable) merge(others ...*tallyTable) {
	t.unsort()
	for _, other := range others {
		t.moved = append(t.moved, other.lists()...)
		t.bytes += other.bytes
		*other = *newTallyTable()
	}
}

// cloneKey copies what is left of a key in a rest.
func cloneKey(key schemas.TallyKey) schemas.TallyKey {
	return schemas.TallyKey{
		Environment: strings.Clone(key.Environment), Node: strings.Clone(key.Node), Day: strings.Clone(key.Day),
		How:     schemas.How(strings.Clone(string(key.How))),
		Outcome: schemas.Outcome(strings.Clone(string(key.Outcome))),
		Reason:  schemas.Reason(strings.Clone(string(key.Reason))),
	}
}

// clear makes room for others. Maps and chunks keep their size: they will grow
// to it again.
func (t *tallyTable) clear() {
	t.subjects.clear()
	t.clients.clear()
	t.rests.clear()
	clear(t.index)
	for _, chunk := range t.chunks {
		clear(chunk)
	}
	t.count, t.bytes, t.moved, t.order = 0, 0, nil, nil
	t.clears++
}

// rows implements [tallySource]; in memory nothing can fail.
func (t *tallyTable) rows(ctx context.Context) iter.Seq2[tallyRow, error] {
	return rowsOfSpans(t.spans(ctx))
}

// lists are all tallies.
func (t *tallyTable) lists() []tallyList {
	all := slices.Clip(t.moved)
	if t.order != nil {
		all = append(all, t.order.list())
	}
	if t.count > 0 {
		all = append(all, t.list())
	}
	return all
}

// Close implements [tallySource].
func (*tallyTable) Close() error { return nil }
