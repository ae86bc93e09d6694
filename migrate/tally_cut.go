package migrate

import "slices"

// blockChunks is how many chunks of a part are looked at at once.
const blockChunks = 8

// A tallyBlock is some tallies of a part.
type tallyBlock struct {
	*tallyRanks

	chunks [][]tallyEntry
	place  uint32 // of the first one among all
}

// cutBlocks cuts parts into blocks. The chunks are those of all of them.
func cutBlocks(parts []*tallyPart, ranks []tallyRanks) (blocks []tallyBlock, chunks [][]tallyEntry) {
	for i, p := range parts {
		for some := range slices.Chunk(p.used(), blockChunks) {
			blocks = append(blocks, tallyBlock{&ranks[i], some, uint32(len(chunks)) << chunkShift}) //nolint:gosec // places have 32 bits
			chunks = append(chunks, some...)
		}
	}
	return blocks, chunks
}

// each calls do with every so manieth tally.
func (b *tallyBlock) each(step int, do func(tallyRef)) {
	for i, chunk := range b.chunks {
		place := b.place + uint32(i)<<chunkShift //nolint:gosec // places have 32 bits
		for j := 0; j < len(chunk); j += step {
			g := &chunk[j].group
			do(tallyRef{b.subjects[g.subject], b.clients[g.client], b.rests[g.rest], place + uint32(j)}) //nolint:gosec // the same
		}
	}
}

// rangeRefs is how many tallies a range has about: few enough to be sorted
// within the cache of a processor.
const rangeRefs = 1 << 15

// A tallyCut says where ranges begin.
type tallyCut struct {
	first  []uint64 // whom all ranges but the first begin with
	starts []uint32 // how many ranges but the first begin with subjects before one
}

// newTallyCut cuts by a sample.
func newTallyCut(blocks []tallyBlock, subjects int) *tallyCut {
	var sample []uint64
	total := 0
	for i := range blocks {
		for _, chunk := range blocks[i].chunks {
			total += len(chunk)
		}
		blocks[i].each(rangeRefs/32, func(ref tallyRef) { sample = append(sample, ref.who()) })
	}
	slices.Sort(sample)
	c := &tallyCut{starts: make([]uint32, subjects+1)}
	for i, ranges := 1, total/rangeRefs+1; i < ranges; i++ {
		c.first = append(c.first, sample[i*len(sample)/ranges])
	}
	c.first = slices.Compact(c.first)
	for i, next := 0, 0; i < len(c.starts); i++ {
		for next < len(c.first) && c.first[next]>>32 < uint64(i) { //nolint:gosec // an index
			next++
		}
		c.starts[i] = uint32(next) //nolint:gosec // fewer than tallies
	}
	return c
}

// rangeOf is how many ranges begin before a client, or with it.
func (c *tallyCut) rangeOf(ref *tallyRef) uint32 {
	low, high := c.starts[ref.subject], c.starts[ref.subject+1]
	for low < high {
		if middle := (low + high) / 2; c.first[middle] <= ref.who() {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// cutRanges cuts all tallies into ranges: it counts them first, so that none of
// them needs a second place.
func cutRanges(blocks []tallyBlock, cut *tallyCut) [][]tallyRef {
	places := make([][]int, len(blocks)) // of the next tally, by block and range
	parallel(len(blocks), func(i int) {
		own := make([]int, len(cut.first)+1)
		blocks[i].each(1, func(ref tallyRef) { own[cut.rangeOf(&ref)]++ })
		places[i] = own
	})
	ranges := make([][]tallyRef, len(cut.first)+1)
	for r := range ranges {
		count := 0
		for i := range places {
			places[i][r], count = count, count+places[i][r]
		}
		ranges[r] = make([]tallyRef, count)
	}
	parallel(len(blocks), func(i int) {
		own := places[i]
		blocks[i].each(1, func(ref tallyRef) {
			r := cut.rangeOf(&ref)
			ranges[r][own[r]] = ref
			own[r]++
		})
	})
	return ranges
}
