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

// What a new group and a new text take in memory besides the text, roughly:
// slots of maps that are part empty, slices with room to grow.
const (
	groupBytes = 120
	textBytes  = 80
	restBytes  = 512
)

// A tallyTable sums up tallies by key. The texts of keys stand in it once and
// have numbers, so that the one large map has small keys that need no look
// elsewhere.
type tallyTable struct {
	subjects, clients numbered[string]
	rests             numbered[schemas.TallyKey] // keys without subject and client
	groups            map[group]uint32           // → place in tallies
	tallies           []schemas.Tally
	sorted            []sortedGroup // all groups in order, or fewer
	bytes             int64         // what all of it takes, roughly
}

// A group is what one tally counts: the numbers of the parts of its key.
type group struct{ subject, client, rest uint32 }

func newTallyTable() *tallyTable {
	return &tallyTable{
		subjects: newNumbered(strings.Clone, strings.Compare),
		clients:  newNumbered(strings.Clone, strings.Compare),
		rests: newNumbered(cloneKey, func(a, b schemas.TallyKey) int {
			return (&tallyRow{TallyKey: a}).compare(&tallyRow{TallyKey: b})
		}),
		groups: map[group]uint32{},
	}
}

// add merges a tally into its group.
func (t *tallyTable) add(key schemas.TallyKey, tally schemas.Tally) {
	rest := key
	rest.Subject, rest.Client = "", ""
	g := group{
		t.subjects.number(key.Subject, &t.bytes, textBytes+len(key.Subject)),
		t.clients.number(key.Client, &t.bytes, textBytes+len(key.Client)),
		t.rests.number(rest, &t.bytes, restBytes+len(key.Node)+len(key.Environment)),
	}
	place, ok := t.groups[g]
	if !ok {
		place = uint32(len(t.tallies)) //nolint:gosec // memory ends before 32 bits do
		t.groups[g] = place
		t.tallies = append(t.tallies, schemas.Tally{})
		t.bytes += groupBytes
	}
	t.tallies[place].Merge(tally)
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

// clear makes room for others. The maps keep their size: they will grow to it again.
func (t *tallyTable) clear() {
	t.subjects.clear()
	t.clients.clear()
	t.rests.clear()
	clear(t.groups)
	t.tallies, t.sorted, t.bytes = t.tallies[:0], t.sorted[:0], 0
}

// A sortedGroup is a group with the place of its tally.
type sortedGroup struct {
	group
	place uint32
}

// rows implements [tallySource]; in memory nothing can fail.
func (t *tallyTable) rows(context.Context) iter.Seq2[tallyRow, error] {
	return func(yield func(tallyRow, error) bool) {
		for _, g := range t.inOrder() {
			row := tallyRow{t.rests.values[g.rest], t.tallies[g.place]}
			row.Subject, row.Client = t.subjects.values[g.subject], t.clients.values[g.client]
			if !yield(row, nil) {
				return
			}
		}
	}
}

// inOrder sorts the groups unless that has been done and none was added since.
func (t *tallyTable) inOrder() []sortedGroup {
	if len(t.sorted) == len(t.groups) {
		return t.sorted
	}
	t.sorted = slices.Grow(t.sorted[:0], len(t.groups))
	for g, place := range t.groups {
		t.sorted = append(t.sorted, sortedGroup{g, place})
	}
	subjects, clients, rests := t.subjects.ranks(), t.clients.ranks(), t.rests.ranks()
	slices.SortFunc(t.sorted, func(a, b sortedGroup) int {
		if a.subject != b.subject {
			return subjects[a.subject] - subjects[b.subject]
		}
		if a.client != b.client {
			return clients[a.client] - clients[b.client]
		}
		return rests[a.rest] - rests[b.rest]
	})
	return t.sorted
}

// Close implements [tallySource].
func (*tallyTable) Close() error { return nil }
