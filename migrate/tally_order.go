package migrate

import (
	"iter"
	"runtime"
	"sync"

	"lockstep/schemas"
)

// A tallyRef is the place of a tally among all, with the ranks of the parts of its key.
type tallyRef struct{ subject, client, rest, place uint32 }

// who is subject and client as one number, which compares as both do.
func (r *tallyRef) who() uint64 { return uint64(r.subject)<<32 | uint64(r.client) }

// same tells whether two tallies have the same key.
func (r *tallyRef) same(other *tallyRef) bool { return r.rest == other.rest && r.who() == other.who() }

// sort moves all tallies into one part, in order and each key once, unless that
// has been done and there are no others since.
func (t *tallyTable) sort() {
	if t.sorted {
		return
	}
	o := newTallyOrder(t.parts())
	count := o.count()
	all := o.part()
	t.bytes -= int64(count-int(all.count)) * entryBytes
	t.tallyPart, t.index = newTallyPart(), map[group]uint32{}
	t.moved, t.sorted = []*tallyPart{all}, true
	t.clears++
}

// once yields the rows in order without making room for a copy, to be read once.
func (t *tallyTable) once() iter.Seq2[tallyRow, error] {
	return func(yield func(tallyRow, error) bool) {
		o := newTallyOrder(t.parts())
		for _, refs := range o.ranges {
			for entry := range o.entries(refs) {
				if !yield(o.all.row(&entry), nil) {
					return
				}
			}
		}
	}
}

// A tallyOrder is the order of the tallies of several parts.
type tallyOrder struct {
	all      *tallyPart     // the texts of all of them in order, each once, and no tallies
	chunks   [][]tallyEntry // of all parts, by the places in refs
	ranges   [][]tallyRef   // of tallies in order
	distinct []uint32       // keys of each range
}

// newTallyOrder cuts tallies into ranges by subject and client, and sorts those
// side by side.
func newTallyOrder(parts []*tallyPart) *tallyOrder {
	all, ranks := rankTexts(parts)
	blocks, chunks := cutBlocks(parts, ranks)
	ranges := cutRanges(blocks, newTallyCut(blocks, len(all.subjects.values)))
	o := &tallyOrder{all, chunks, ranges, make([]uint32, len(ranges))}
	bits := [...]int{rankBits(len(all.rests.values)), rankBits(len(all.clients.values)), rankBits(len(all.subjects.values))}
	var spare sync.Pool
	parallel(len(ranges), func(i int) {
		buffer, _ := spare.Get().([]tallyRef)
		spare.Put(sortRefs(ranges[i], buffer, bits)) //nolint:staticcheck // a header of a slice per range is nothing
		o.distinct[i] = distinctRefs(ranges[i])
	})
	return o
}

func (o *tallyOrder) count() (count int) {
	for _, refs := range o.ranges {
		count += len(refs)
	}
	return count
}

// entries yields the tallies of a range; those of one key become one. Their
// groups are of the texts of all.
func (o *tallyOrder) entries(refs []tallyRef) iter.Seq[tallyEntry] {
	return func(yield func(tallyEntry) bool) {
		for i := 0; i < len(refs); {
			ref := refs[i]
			entry := *o.entry(ref.place)
			entry.group = group{ref.subject, ref.client, ref.rest}
			for i++; i < len(refs) && refs[i].same(&ref); i++ {
				entry.merge(o.entry(refs[i].place).tally())
			}
			if !yield(entry) {
				return
			}
		}
	}
}

func (o *tallyOrder) entry(place uint32) *tallyEntry {
	return &o.chunks[place>>chunkShift][place%chunkEntries]
}

// part copies all tallies in order.
func (o *tallyOrder) part() *tallyPart {
	starts := make([]uint32, len(o.ranges)+1)
	for i, distinct := range o.distinct {
		starts[i+1] = starts[i] + distinct
	}
	part := *o.all
	part.reserve(starts[len(o.ranges)])
	parallel(len(o.ranges), func(i int) {
		place := starts[i]
		for entry := range o.entries(o.ranges[i]) {
			*part.entry(place) = entry
			place++
		}
		o.ranges[i] = nil // there may be little memory left
	})
	return &part
}

// distinctRefs counts keys.
func distinctRefs(refs []tallyRef) (count uint32) {
	for i := range refs {
		if i == 0 || !refs[i].same(&refs[i-1]) {
			count++
		}
	}
	return count
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

// rankTexts merges the texts of parts in order, and ranks them.
func rankTexts(parts []*tallyPart) (*tallyPart, []tallyRanks) {
	all, ranks := newTallyPart(), make([]tallyRanks, len(parts))
	var subjects, clients, rests [][]uint32
	parallel(3, func(i int) {
		switch i {
		case 0:
			all.clients.values, clients = rank(parts, func(p *tallyPart) *numbered[string] { return &p.clients })
		case 1:
			all.subjects.values, subjects = rank(parts, func(p *tallyPart) *numbered[string] { return &p.subjects })
		case 2:
			all.rests.values, rests = rank(parts, func(p *tallyPart) *numbered[schemas.TallyKey] { return &p.rests })
		}
	})
	for i := range ranks {
		ranks[i] = tallyRanks{subjects[i], clients[i], rests[i]}
	}
	return &all, ranks
}
