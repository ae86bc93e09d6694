package migrate

import (
	"iter"
	"runtime"
	"slices"
	"sync"

	"lockstep/schemas"
)

// A tallyRef is the place of a tally, with the ranks of the parts of its key.
type tallyRef struct {
	subject, client, rest uint32
	part, place           uint32
}

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
	parts  []*tallyPart
	all    *tallyPart   // the texts of all of them in order, each once, and no tallies
	ranges [][]tallyRef // of tallies in order
}

// newTallyOrder cuts tallies into ranges by subject and client, and sorts those
// side by side.
func newTallyOrder(parts []*tallyPart) *tallyOrder {
	all, ranks := rankTexts(parts)
	o := &tallyOrder{parts, all, cutRanges(parts, ranks, splitters(parts, ranks))}
	bits := [...]int{rankBits(len(all.rests.values)), rankBits(len(all.clients.values)), rankBits(len(all.subjects.values))}
	var spare sync.Pool
	parallel(len(o.ranges), func(i int) {
		buffer, _ := spare.Get().([]tallyRef)
		spare.Put(sortRefs(o.ranges[i], buffer, bits)) //nolint:staticcheck // a header of a slice per range is nothing
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
			entry := *o.parts[ref.part].entry(ref.place)
			entry.group = group{ref.subject, ref.client, ref.rest}
			for i++; i < len(refs) && refs[i].same(&ref); i++ {
				entry.merge(o.parts[refs[i].part].entry(refs[i].place).tally())
			}
			if !yield(entry) {
				return
			}
		}
	}
}

// part copies all tallies in order.
func (o *tallyOrder) part() *tallyPart {
	starts := make([]uint32, len(o.ranges)+1)
	parallel(len(o.ranges), func(i int) { starts[i+1] = distinctRefs(o.ranges[i]) })
	for i := range o.ranges {
		starts[i+1] += starts[i]
	}
	part := *o.all
	part.count = starts[len(o.ranges)]
	for range (part.count + chunkEntries - 1) / chunkEntries {
		part.chunks = append(part.chunks, make([]tallyEntry, chunkEntries))
	}
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

func (r *tallyRanks) ref(part int, place uint32, g group) tallyRef {
	return tallyRef{r.subjects[g.subject], r.clients[g.client], r.rests[g.rest], uint32(part), place} //nolint:gosec // a number of tables
}

// rankTexts merges the texts of parts in order, and ranks them.
func rankTexts(parts []*tallyPart) (*tallyPart, []tallyRanks) {
	all, ranks := newTallyPart(), make([]tallyRanks, len(parts))
	var subjects, clients, rests [][]uint32
	parallel(3, func(i int) {
		switch i {
		case 0:
			all.subjects.values, subjects = rank(parts, func(p *tallyPart) *numbered[string] { return &p.subjects })
		case 1:
			all.clients.values, clients = rank(parts, func(p *tallyPart) *numbered[string] { return &p.clients })
		case 2:
			all.rests.values, rests = rank(parts, func(p *tallyPart) *numbered[schemas.TallyKey] { return &p.rests })
		}
	})
	for i := range ranks {
		ranks[i] = tallyRanks{subjects[i], clients[i], rests[i]}
	}
	return &all, ranks
}

// rangeRefs is how many tallies a range has about: few enough to be sorted
// within the cache of a processor.
const rangeRefs = 1 << 16

// splitters tell of whom all ranges but the first begin, by a sample.
func splitters(parts []*tallyPart, ranks []tallyRanks) []uint64 {
	const perRange = 32
	total := 0
	for _, p := range parts {
		total += int(p.count)
	}
	ranges := total/rangeRefs + 1
	if ranges == 1 {
		return nil
	}
	var sample []uint64
	for i, p := range parts {
		for place := uint32(0); place < p.count; place += rangeRefs / perRange {
			ref := ranks[i].ref(i, place, p.entry(place).group)
			sample = append(sample, ref.who())
		}
	}
	slices.Sort(sample)
	var first []uint64
	for i := 1; i < ranges; i++ {
		first = append(first, sample[i*len(sample)/ranges])
	}
	return slices.Compact(first)
}

// cutRanges cuts all tallies into ranges: it counts them first, so that none of
// them needs a second place.
func cutRanges(parts []*tallyPart, ranks []tallyRanks, first []uint64) [][]tallyRef {
	places := make([][]int, len(parts)) // of the next tally, by part and range
	parallel(len(parts), func(i int) {
		places[i] = make([]int, len(first)+1)
		ranks[i].each(parts[i], i, func(ref tallyRef) { places[i][rangeOf(first, ref.who())]++ })
	})
	ranges := make([][]tallyRef, len(first)+1)
	for r := range ranges {
		count := 0
		for i := range places {
			places[i][r], count = count, count+places[i][r]
		}
		ranges[r] = make([]tallyRef, count)
	}
	parallel(len(parts), func(i int) {
		ranks[i].each(parts[i], i, func(ref tallyRef) {
			r := rangeOf(first, ref.who())
			ranges[r][places[i][r]] = ref
			places[i][r]++
		})
	})
	return ranges
}

// each calls do with the tallies of a part.
func (r *tallyRanks) each(p *tallyPart, part int, do func(tallyRef)) {
	for place := range p.count {
		do(r.ref(part, place, p.entry(place).group))
	}
}

// rangeOf is how many ranges begin before a client, or with it.
func rangeOf(first []uint64, who uint64) int {
	low, high := 0, len(first)
	for low < high {
		if middle := (low + high) / 2; first[middle] <= who {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}
