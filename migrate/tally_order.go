package migrate

import (
	"context"
	"iter"
	"math/bits"
	"runtime"
	"slices"
	"sync"

	"lockstep/schemas"
)

// A tallyOrder is tallies of several parts in order.
type tallyOrder struct {
	texts  *tallyTexts // of all of them, in order and each once
	ranges []tallyRange
}

// A tallyRange is the tallies of some clients of subjects. It is sorted when it
// is asked for.
type tallyRange struct {
	pieces tallyPieces
	sorted sync.Once
}

// sort brings all tallies in order, unless that has been done and there are no
// others since.
func (t *tallyTable) sort() {
	if t.order != nil {
		return
	}
	order := newTallyOrder(t.lists())
	t.tallyPart, t.index, t.moved = newTallyPart(), map[group]uint32{}, nil
	t.order = order
	t.clears++
}

// unsort makes room for other tallies.
func (t *tallyTable) unsort() {
	if t.order != nil {
		t.moved, t.order = append(t.moved, t.order.list()), nil
	}
}

// spans implements [spanned].
func (t *tallyTable) spans(context.Context) iter.Seq2[spanLoader, error] {
	return func(yield func(spanLoader, error) bool) {
		t.sort()
		for i := range t.order.ranges {
			if len(t.order.ranges[i].pieces) == 0 {
				continue
			}
			if !yield(func(m *spanMemory) (tallySpan, error) { return t.order.span(i, m), nil }, nil) {
				return
			}
		}
	}
}

// list is the tallies of all ranges.
func (o *tallyOrder) list() tallyList {
	list := tallyList{tallyTexts: *o.texts}
	for i := range o.ranges {
		list.chunks = append(list.chunks, o.ranges[i].pieces...)
	}
	return list
}

// newTallyOrder cuts tallies into ranges by subject and client, in the memory of the lists.
func newTallyOrder(lists []tallyList) *tallyOrder {
	texts, ranks := rankTexts(lists)
	blocks := cutBlocks(lists, ranks)
	return &tallyOrder{
		texts: texts, ranges: cutRanges(blocks, newTallyCut(blocks, len(texts.subjects))),
	}
}

// span is a range, in order and each key once.
func (o *tallyOrder) span(i int, m *spanMemory) tallySpan {
	r, isSorted := &o.ranges[i], true
	r.sorted.Do(func() {
		m.load(r.pieces)
		m.sort(o.texts.bits())
		r.keep(m.tallies)
		isSorted = false
	})
	if isSorted {
		m.load(r.pieces)
	}
	return tallySpan{o.texts, m.tallies}
}

// keep puts other tallies in the place of those that there are, which are not fewer.
func (r *tallyRange) keep(tallies []tallyEntry) {
	for i, piece := range r.pieces {
		if len(tallies) == 0 {
			r.pieces = r.pieces[:i]
			break
		}
		r.pieces[i] = piece[:copy(piece[:cap(piece)], tallies)]
		tallies = tallies[len(r.pieces[i]):]
	}
}

// A spanMemory is what spans take that are loaded one after the other: each is
// good until the next one.
type spanMemory struct {
	tallies, buffer []tallyEntry
	refs            refSorter
}

// load copies tallies, so that they lie side by side.
func (m *spanMemory) load(pieces tallyPieces) {
	m.tallies = slices.Grow(m.tallies[:0], len(pieces)*pieceTallies)
	for _, piece := range pieces {
		m.tallies = append(m.tallies, piece...)
	}
}

// bits are how many the ranks of subjects, clients and rests have.
func (t *tallyTexts) bits() [3]int {
	return [...]int{rankBits(len(t.subjects)), rankBits(len(t.clients)), rankBits(len(t.rests))}
}

// sort brings the tallies in order, whose ranks have so many bits; those of one
// key become one.
func (m *spanMemory) sort(bits [3]int) {
	m.refs.refs = slices.Grow(m.refs.refs[:0], len(m.tallies))[:len(m.tallies)]
	for i := range m.refs.refs {
		m.refs.refs[i].place = uint32(i) //nolint:gosec // places have 32 bits
	}
	if bits[0]+bits[1]+bits[2] <= 64 {
		m.sortBy(func(g *group) uint64 {
			return (uint64(g.subject)<<bits[1]|uint64(g.client))<<bits[2] | uint64(g.rest)
		})
	} else {
		m.sortBy(func(g *group) uint64 { return uint64(g.rest) })
		m.sortBy((*group).who)
	}
	sorted := slices.Grow(m.buffer[:0], len(m.tallies))
	for _, ref := range m.refs.refs {
		e := &m.tallies[ref.place]
		if n := len(sorted); n > 0 && sorted[n-1].group == e.group {
			sorted[n-1].merge(e.tally())
		} else {
			sorted = append(sorted, *e)
		}
	}
	m.tallies, m.buffer = sorted, m.tallies
}

// sortBy sorts refs of the tallies by a key of their groups.
func (m *spanMemory) sortBy(key func(*group) uint64) {
	for i := range m.refs.refs {
		ref := &m.refs.refs[i]
		ref.key = key(&m.tallies[ref.place].group)
	}
	m.refs.sort()
}

// rankBits is how many bits the ranks of so many values have.
func rankBits(values int) int { return bits.Len(uint(max(values-1, 0))) }

// parallel does n things on all processors.
func parallel(n int, do func(i int)) {
	var running sync.WaitGroup
	todo := make(chan int, n)
	for i := range n {
		todo <- i
	}
	close(todo)
	for range min(n, runtime.GOMAXPROCS(0)) {
		running.Go(func() {
			for i := range todo {
				do(i)
			}
		})
	}
	running.Wait()
}

// tallyRanks are the ranks of the texts of one part, by their numbers.
type tallyRanks struct{ subjects, clients, rests []uint32 }

// rankTexts merges the texts of lists in order, and ranks them.
func rankTexts(lists []tallyList) (*tallyTexts, []tallyRanks) {
	var subjects, clients [][]string
	var rests [][]schemas.TallyKey
	for i := range lists {
		subjects, clients, rests = append(subjects, lists[i].subjects), append(clients, lists[i].clients), append(rests, lists[i].rests)
	}
	all, ranks := &tallyTexts{}, make([]tallyRanks, len(lists))
	var ofSubjects, ofClients, ofRests [][]uint32
	parallel(3, func(i int) {
		switch i {
		case 0:
			all.clients, ofClients = rank(clients, orderTexts)
		case 1:
			all.subjects, ofSubjects = rank(subjects, orderTexts)
		case 2:
			all.rests, ofRests = rank(rests, orderKeys)
		}
	})
	for i := range ranks {
		ranks[i] = tallyRanks{ofSubjects[i], ofClients[i], ofRests[i]}
	}
	return all, ranks
}

func orderKeys(keys []schemas.TallyKey) []uint32 {
	order := make([]uint32, len(keys))
	for i := range order {
		order[i] = uint32(i) //nolint:gosec // memory ends before 32 bits do
	}
	slices.SortFunc(order, func(a, b uint32) int {
		return (&tallyRow{TallyKey: keys[a]}).compare(&tallyRow{TallyKey: keys[b]})
	})
	return order
}
