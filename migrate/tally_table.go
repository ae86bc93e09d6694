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

// What a new group and a new series take in memory besides their texts,
// roughly: slots of maps that are part empty, slices with room to grow.
const (
	groupBytes  = 160
	seriesBytes = 512
)

// A tallyTable sums up tallies by key. All of a key but the client is shared
// by many groups and stands in the table once, as a series.
type tallyTable struct {
	series  map[schemas.TallyKey]uint32 // without client → place in keys
	keys    []schemas.TallyKey
	groups  map[group]uint32 // → place in tallies
	tallies []schemas.Tally
	sorted  []sortedGroup // all groups in order, or fewer
	bytes   int64         // what all of it takes, roughly
}

// A group is what one tally counts.
type group struct {
	series uint32
	client string
}

func newTallyTable() *tallyTable {
	return &tallyTable{series: map[schemas.TallyKey]uint32{}, groups: map[group]uint32{}}
}

// add merges a tally into its group. Texts are cloned when they first come,
// as they are parts of a block that should not be kept alive.
func (t *tallyTable) add(key schemas.TallyKey, tally schemas.Tally) {
	client := key.Client
	key.Client = ""
	series, ok := t.series[key]
	if !ok {
		series = t.addSeries(cloneKey(key))
	}
	place, ok := t.groups[group{series, client}]
	if !ok {
		place = uint32(len(t.tallies)) //nolint:gosec // memory ends before 32 bits do
		t.groups[group{series, strings.Clone(client)}] = place
		t.tallies = append(t.tallies, schemas.Tally{})
		t.bytes += groupBytes + int64(len(client))
	}
	t.tallies[place].Merge(tally)
}

func (t *tallyTable) addSeries(key schemas.TallyKey) uint32 {
	series := uint32(len(t.keys)) //nolint:gosec // memory ends before 32 bits do
	t.series[key] = series
	t.keys = append(t.keys, key)
	t.bytes += seriesBytes + int64(len(key.Environment)+len(key.Node)+len(key.Subject))
	return series
}

func cloneKey(key schemas.TallyKey) schemas.TallyKey {
	return schemas.TallyKey{
		Environment: strings.Clone(key.Environment), Node: strings.Clone(key.Node),
		Subject: strings.Clone(key.Subject), Client: strings.Clone(key.Client), Day: strings.Clone(key.Day),
		How:     schemas.How(strings.Clone(string(key.How))),
		Outcome: schemas.Outcome(strings.Clone(string(key.Outcome))),
		Reason:  schemas.Reason(strings.Clone(string(key.Reason))),
	}
}

// clear makes room for others. The maps keep their size: they will grow to it again.
func (t *tallyTable) clear() {
	clear(t.series)
	clear(t.groups)
	clear(t.sorted) // it keeps texts alive, as do the keys
	clear(t.keys)
	t.keys, t.tallies, t.sorted, t.bytes = t.keys[:0], t.tallies[:0], t.sorted[:0], 0
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
			row := tallyRow{t.keys[g.series], t.tallies[g.place]}
			row.Client = g.client
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
	slices.SortFunc(t.sorted, t.compare)
	return t.sorted
}

// compare orders groups as their rows.
func (t *tallyTable) compare(a, b sortedGroup) int {
	x, y := &t.keys[a.series], &t.keys[b.series]
	if a.series != b.series {
		if c := strings.Compare(x.Subject, y.Subject); c != 0 {
			return c
		}
	}
	if c := strings.Compare(a.client, b.client); c != 0 || a.series == b.series {
		return c
	}
	return (&tallyRow{TallyKey: *x}).compare(&tallyRow{TallyKey: *y})
}

// Close implements [tallySource].
func (*tallyTable) Close() error { return nil }
