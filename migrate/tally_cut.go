package migrate

import "slices"

// blockChunks is how many chunks of a list are looked at at once.
const blockChunks = 8

// A tallyBlock is some tallies of a list.
type tallyBlock struct {
	*tallyRanks

	chunks [][]tallyEntry
}

// cutBlocks cuts lists into blocks.
func cutBlocks(lists []tallyList, ranks []tallyRanks) (blocks []tallyBlock) {
	for i := range lists {
		for some := range slices.Chunk(lists[i].chunks, blockChunks) {
			blocks = append(blocks, tallyBlock{&ranks[i], some})
		}
	}
	return blocks
}

func (b *tallyBlock) group(e *tallyEntry) group {
	return group{b.subjects[e.subject], b.clients[e.client], b.rests[e.rest]}
}

// who is subject and client as one number, which compares as both do.
func (g *group) who() uint64 { return uint64(g.subject)<<32 | uint64(g.client) }

// A tallyCut says where ranges begin.
type tallyCut struct {
	first  []uint64 // whom all ranges but the first begin with
	starts []uint32 // how many ranges but the first begin with subjects before one
}

// newTallyCut cuts by a sample.
func newTallyCut(blocks []tallyBlock, subjects int) *tallyCut {
	const every = spanTallies / 32
	var sample []uint64
	total := 0
	for i := range blocks {
		for _, chunk := range blocks[i].chunks {
			total += len(chunk)
			for j := 0; j < len(chunk); j += every {
				g := blocks[i].group(&chunk[j])
				sample = append(sample, g.who())
			}
		}
	}
	slices.Sort(sample)
	c := &tallyCut{starts: make([]uint32, subjects+1)}
	for i, ranges := 1, total/spanTallies+1; i < ranges; i++ {
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
func (c *tallyCut) rangeOf(g *group) uint32 {
	low, high := c.starts[g.subject], c.starts[g.subject+1]
	for low < high {
		if middle := (low + high) / 2; c.first[middle] <= g.who() {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// cutRanges cuts all tallies into ranges: it counts them first, so that none of
// them needs a second place.
func cutRanges(blocks []tallyBlock, cut *tallyCut) []tallyRange {
	places := make([][]uint32, len(blocks)) // of the next tally, by block and range
	parallel(len(blocks), func(i int) { places[i] = blocks[i].count(cut) })
	ends, total := make([]uint32, len(cut.first)+1), uint32(0)
	for r := range ends {
		for i := range places {
			places[i][r], total = total, total+places[i][r]
		}
		ends[r] = total
	}
	all := make([]tallyEntry, total)
	parallel(len(blocks), func(i int) { blocks[i].move(all, cut, places[i]) })
	ranges, start := make([]tallyRange, len(ends)), uint32(0)
	for r, end := range ends {
		ranges[r].tallies, start = all[start:end:end], end
	}
	return ranges
}

// count counts the tallies of each range.
func (b *tallyBlock) count(cut *tallyCut) []uint32 {
	counts := make([]uint32, len(cut.first)+1)
	for _, chunk := range b.chunks {
		for i := range chunk {
			g := b.group(&chunk[i])
			counts[cut.rangeOf(&g)]++
		}
	}
	return counts
}

// move copies the tallies to the places of their ranges, with their ranks.
func (b *tallyBlock) move(to []tallyEntry, cut *tallyCut, places []uint32) {
	for _, chunk := range b.chunks {
		for i := range chunk {
			g := b.group(&chunk[i])
			r := cut.rangeOf(&g)
			e := &to[places[r]]
			*e = chunk[i]
			e.group = g
			places[r]++
		}
	}
}
