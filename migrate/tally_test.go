package migrate

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"lockstep/schemas"
)

// randomRow is one of few tallies, so that many are of the same key. The texts
// are such that one is the beginning of another.
func randomRow(random *rand.Rand) tallyRow {
	var row tallyRow
	text := func(of string, many int) string { return fmt.Sprintf("%s%d", of, random.IntN(many)) }
	row.Subject, row.Client = text("key/", 40), text("1", 300)
	row.Node, row.Day, row.Environment = text("n", 3), text("2026-11-2", 4), "pro"
	row.How, row.Outcome = schemas.HowVerified, schemas.OutcomeOK
	if random.IntN(3) == 0 {
		row.How, row.Outcome, row.Reason = schemas.HowClaimed, schemas.OutcomeFail, schemas.Reasons()[random.IntN(4)]
	}
	row.Add(noon.UnixMilli() + random.Int64N(hourMS*9))
	row.Count = random.Uint64N(9) + 1
	return row
}

// A simpleTable is what a table is to be: a map.
type simpleTable map[schemas.TallyKey]schemas.Tally

func (s simpleTable) add(row tallyRow) {
	tally := s[row.TallyKey]
	tally.Merge(row.Tally)
	s[row.TallyKey] = tally
}

// rows are those of the map, in order.
func (s simpleTable) rows() []tallyRow {
	var rows []tallyRow
	for key, tally := range maps.All(s) {
		rows = append(rows, tallyRow{key, tally})
	}
	slices.SortFunc(rows, func(a, b tallyRow) int { return a.compare(&b) })
	return rows
}

// checkRows fails where rows differ from those of a map.
func checkRows(t *testing.T, want simpleTable, got iter.Seq2[tallyRow, error]) {
	t.Helper()
	next, stop := iter.Pull2(got)
	defer stop()
	for _, row := range want.rows() {
		if other, err, ok := next(); err != nil || !ok || other != row {
			t.Fatalf("row %+v, %v, want %+v", other, err, row)
		}
	}
	if row, err, ok := next(); ok {
		t.Fatalf("one more: %+v, %v", row, err)
	}
}

// However tallies are spread over tables of workers, whenever those are merged
// and spilled and however often the same key has a place of its own, the rows
// are those of one map.
func TestTallies(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 8))
		memory := int64(16<<10) << random.IntN(12)
		spill := &tallySpill{memory: memory, table: newTallyTable()}
		workers := []*tallyTable{newTallyTable(), newTallyTable(), newTallyTable()}
		want := simpleTable{}
		for range 2000 * (1 + random.IntN(20)) {
			row := randomRow(random)
			want.add(row)
			switch table := workers[random.IntN(len(workers))]; random.IntN(3) {
			case 0:
				spill.table.add(row.TallyKey, row.Tally)
			case 1:
				table.add(row.TallyKey, row.Tally)
			default:
				table.entry(table.place(table.group(row.TallyKey))).merge(row.Tally)
			}
			if random.IntN(4000) == 0 {
				checkSettled(t, spill, workers)
			}
		}
		spill.table.merge(workers...)
		checkRows(t, want, spill.rows(t.Context()))
		checkRows(t, want, spill.rows(t.Context())) // as often as asked
		if err := spill.Close(); err != nil {
			t.Error(err)
		}
	}
}

// checkSettled merges the tables and spills what is too much.
func checkSettled(t *testing.T, spill *tallySpill, workers []*tallyTable) {
	t.Helper()
	spill.table.merge(workers...)
	if err := spill.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if spill.table.bytes >= spill.memory {
		t.Errorf("%d bytes are left of a budget of %d", spill.table.bytes, spill.memory)
	}
	for _, table := range workers {
		if table.bytes != 0 || table.count != 0 {
			t.Errorf("a table that was merged still has %d tallies", table.count)
		}
	}
}

// More tallies than a range has are cut into several, and in order.
func TestTallyRanges(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 3))
	table, want := newTallyTable(), simpleTable{}
	for range 3 * spanTallies {
		row := randomRow(random)
		row.Client = fmt.Sprintf("10.0.%d", random.IntN(5000))
		want.add(row)
		table.entry(table.place(table.group(row.TallyKey))).merge(row.Tally)
	}
	table.sort()
	if ranges := len(table.order.ranges); ranges < 3 {
		t.Errorf("%d ranges", ranges)
	}
	checkRows(t, want, table.rows(t.Context()))
	row := randomRow(random)
	table.add(row.TallyKey, row.Tally)
	want.add(row)
	checkRows(t, want, table.rows(t.Context()))
}

// Groups are in order and there once, whether their numbers fit into one key or not.
func TestSpanMemorySorts(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(6, 4))
	for _, width := range []int{1, 5, 21, 22, 32} {
		var m spanMemory
		want := map[group]uint64{}
		for range 3000 {
			g := group{random.Uint32() >> (32 - width), random.Uint32() >> (32 - width), random.Uint32() >> (32 - width)}
			m.tallies = append(m.tallies, tallyEntry{group: g, count: 1})
			want[g]++
		}
		m.sort([...]int{width, width, width})
		for i, e := range m.tallies {
			if i > 0 && cmp.Or(cmp.Compare(m.tallies[i-1].who(), e.who()), cmp.Compare(m.tallies[i-1].rest, e.rest)) >= 0 {
				t.Fatalf("%d bits: %v after %v", width, e.group, m.tallies[i-1].group)
			}
			if want[e.group] != e.count {
				t.Fatalf("%d bits: %d of %v, want %d", width, e.count, e.group, want[e.group])
			}
		}
		if len(m.tallies) != len(want) {
			t.Errorf("%d bits: %d groups, want %d", width, len(m.tallies), len(want))
		}
	}
}

// BenchmarkTallyOrder sorts the tallies of two workers that have seen the same
// groups, and reads them.
func BenchmarkTallyOrder(b *testing.B) {
	var keys []schemas.TallyKey
	for i := range 700_000 {
		keys = append(keys, schemas.TallyKey{
			Environment: "pro", Node: "n", Subject: fmt.Sprintf("key/app-%d/k1", i*7919%2000), How: schemas.HowVerified,
			Client: fmt.Sprintf("10.20.%d.%d", i*31%256, i%200), Outcome: schemas.OutcomeOK, Day: fmt.Sprintf("2026-11-1%d", i*7/700_000),
		})
	}
	for b.Loop() {
		b.StopTimer()
		workers := []*tallyTable{newTallyTable(), newTallyTable()}
		for i, key := range keys {
			t := workers[i%2]
			t.entry(t.place(t.group(key))).merge(schemas.Tally{Count: 1, FirstMS: 1, LastMS: 2})
			t = workers[1-i%2]
			t.entry(t.place(t.group(key))).merge(schemas.Tally{Count: 1, FirstMS: 1, LastMS: 2})
		}
		table := newTallyTable()
		b.StartTimer()
		table.merge(workers...)
		table.sort()
	}
}
