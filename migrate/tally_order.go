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

// tallyTexts are the texts of several parts in order, each once.
type tallyTexts struct {
	subjects, clients []string
	rests             []schemas.TallyKey
}

// rows yields the tallies of refs, which are in order; those of one key become one.
func (t *tallyTexts) rows(parts []*tallyPart, refs []tallyRef) iter.Seq[tallyRow] {
	return func(yield func(tallyRow) bool) {
		for i := 0; i < len(refs); {
			ref := refs[i]
			row := tallyRow{t.rests[ref.rest], parts[ref.part].entry(ref.place).tally()}
			row.Subject, row.Client = t.subjects[ref.subject], t.clients[ref.client]
			for i++; i < len(refs) && refs[i].rest == ref.rest && refs[i].who() == ref.who(); i++ {
				row.Merge(parts[refs[i].part].entry(refs[i].place).tally())
			}
			if !yield(row) {
				return
			}
		}
	}
}

// sort puts all tallies in order, unless that has been done and there are no
// others since: it cuts them into ranges by subject and client, and sorts those
// side by side.
func (t *tallyTable) sort() {
	if t.order != nil {
		return
	}
	parts := t.parts()
	var ranks []tallyRanks
	t.texts, ranks = rankTexts(parts)
	t.order = cutRanges(parts, ranks, splitters(parts, ranks))
	bits := [...]int{rankBits(len(t.texts.rests)), rankBits(len(t.texts.clients)), rankBits(len(t.texts.subjects))}
	parallel(len(t.order), func(i int) { sortRefs(t.order[i], bits) })
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

// rankTexts merges the texts of parts, and ranks them.
func rankTexts(parts []*tallyPart) (*tallyTexts, []tallyRanks) {
	texts, ranks := &tallyTexts{}, make([]tallyRanks, len(parts))
	var subjects, clients, rests [][]uint32
	parallel(3, func(i int) {
		switch i {
		case 0:
			texts.subjects, subjects = rank(parts, func(p *tallyPart) *numbered[string] { return &p.subjects })
		case 1:
			texts.clients, clients = rank(parts, func(p *tallyPart) *numbered[string] { return &p.clients })
		case 2:
			texts.rests, rests = rank(parts, func(p *tallyPart) *numbered[schemas.TallyKey] { return &p.rests })
		}
	})
	for i := range ranks {
		ranks[i] = tallyRanks{subjects[i], clients[i], rests[i]}
	}
	return texts, ranks
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

// cutRanges cuts all tallies into ranges.
func cutRanges(parts []*tallyPart, ranks []tallyRanks, first []uint64) [][]tallyRef {
	pieces := make([][][]tallyRef, len(parts)) // by part and range
	parallel(len(parts), func(i int) { pieces[i] = cutPart(parts[i], i, &ranks[i], first) })
	ranges := make([][]tallyRef, len(first)+1)
	for r := range ranges {
		var all [][]tallyRef
		for _, p := range pieces {
			all = append(all, p[r])
		}
		ranges[r] = slices.Concat(all...)
	}
	return ranges
}

// cutPart is cutRanges for one part.
func cutPart(p *tallyPart, part int, ranks *tallyRanks, first []uint64) [][]tallyRef {
	pieces := make([][]tallyRef, len(first)+1)
	for i := range pieces {
		pieces[i] = make([]tallyRef, 0, int(p.count)/len(pieces)*9/8)
	}
	for place := range p.count {
		ref := ranks.ref(part, place, p.entry(place).group)
		at := rangeOf(first, ref.who())
		pieces[at] = append(pieces[at], ref)
	}
	return pieces
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
