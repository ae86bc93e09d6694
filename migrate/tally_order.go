package migrate

import (
	"context"
	"iter"
	"runtime"
	"slices"
	"sync"

	"lockstep/schemas"
)

// A tallyOrder is tallies of several parts in order.
type tallyOrder struct {
	texts  *tallyTexts // of all of them, in order and each once
	ranges []tallyRange
	spare  sync.Pool
}

// A tallyRange is the tallies of some clients of subjects. It is sorted when it
// is asked for.
type tallyRange struct {
	tallies []tallyEntry
	sorted  sync.Once
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
			if len(t.order.ranges[i].tallies) == 0 {
				continue
			}
			if !yield(func() (tallySpan, error) { return t.order.span(i), nil }, nil) {
				return
			}
		}
	}
}

// list is the tallies of all ranges.
func (o *tallyOrder) list() tallyList {
	list := tallyList{tallyTexts: *o.texts}
	for i := range o.ranges {
		list.chunks = append(list.chunks, o.ranges[i].tallies)
	}
	return list
}

// newTallyOrder cuts tallies into ranges by subject and client.
func newTallyOrder(lists []tallyList) *tallyOrder {
	texts, ranks := rankTexts(lists)
	blocks := cutBlocks(lists, ranks)
	return &tallyOrder{
		texts: texts, ranges: cutRanges(blocks, newTallyCut(blocks, len(texts.subjects))),
	}
}

// span is a range, in order and each key once.
func (o *tallyOrder) span(i int) tallySpan {
	r := &o.ranges[i]
	r.sorted.Do(func() {
		memory, _ := o.spare.Get().(*sortMemory)
		if memory == nil {
			memory = &sortMemory{}
		}
		r.tallies = memory.sort(r.tallies, o.texts.bits())
		o.spare.Put(memory)
	})
	return tallySpan{o.texts, r.tallies}
}

// bits are how many the ranks of rests, clients and subjects have.
func (t *tallyTexts) bits() [3]int {
	return [...]int{rankBits(len(t.rests)), rankBits(len(t.clients)), rankBits(len(t.subjects))}
}

// A sortMemory is what it takes to sort tallies.
type sortMemory struct {
	refs, buffer []tallyRef
	tallies      []tallyEntry
}

// sort sorts tallies in their place; those of one key become one.
func (m *sortMemory) sort(tallies []tallyEntry, bits [3]int) []tallyEntry {
	m.refs = m.refs[:0]
	for i := range tallies {
		g := &tallies[i].group
		m.refs = append(m.refs, tallyRef{g.subject, g.client, g.rest, uint32(i)}) //nolint:gosec // places have 32 bits
	}
	m.buffer = sortRefs(m.refs, m.buffer, bits)
	m.tallies = m.tallies[:0]
	for i := range m.refs {
		e := &tallies[m.refs[i].place]
		if n := len(m.tallies); n > 0 && m.tallies[n-1].group == e.group {
			m.tallies[n-1].merge(e.tally())
		} else {
			m.tallies = append(m.tallies, *e)
		}
	}
	return tallies[:copy(tallies, m.tallies)]
}

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
