package migrate

import (
	"runtime"
	"slices"
)

// pieceTallies is how many tallies of a range lie side by side.
const pieceTallies = 1 << 6

// A tallyBlock is some tallies of a list.
type tallyBlock struct {
	*tallyRanks

	tallies []tallyEntry
}

// cutBlocks cuts lists into blocks.
func cutBlocks(lists []tallyList, ranks []tallyRanks) (blocks []tallyBlock) {
	for i := range lists {
		for _, chunk := range lists[i].chunks {
			blocks = append(blocks, tallyBlock{&ranks[i], chunk})
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
		tallies := blocks[i].tallies
		for j := total % every; j < len(tallies); j += every {
			g := blocks[i].group(&tallies[j])
			sample = append(sample, g.who())
		}
		total += len(tallies)
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

// cutRanges moves all tallies to ranges, in the memory in which they are.
func cutRanges(blocks []tallyBlock, cut *tallyCut) []tallyRange {
	todo := make(chan *tallyBlock, len(blocks))
	for i := range blocks {
		todo <- &blocks[i]
	}
	close(todo)
	cutters := make([]tallyCutter, min(len(blocks), runtime.GOMAXPROCS(0)))
	parallel(len(cutters), func(i int) {
		cutters[i] = newTallyCutter(cut)
		for block := range todo {
			cutters[i].move(block)
		}
	})
	ranges := make([]tallyRange, len(cut.first)+1)
	for i := range cutters {
		for r, pieces := range cutters[i].pieces() {
			ranges[r].pieces = append(ranges[r].pieces, pieces...)
		}
	}
	return ranges
}

// tallyPieces are tallies in pieces of [pieceTallies], of which not all are full.
type tallyPieces [][]tallyEntry

// A tallyCutter moves tallies to ranges. It needs little memory besides that of
// the tallies that it has moved before.
type tallyCutter struct {
	cut   *tallyCut
	full  []tallyPieces // of each range
	open  tallyPieces   // of each range the piece that is being filled
	spare tallyPieces
}

func newTallyCutter(cut *tallyCut) tallyCutter {
	ranges := len(cut.first) + 1
	return tallyCutter{cut: cut, full: make([]tallyPieces, ranges), open: make(tallyPieces, ranges)}
}

// move moves the tallies of a block, with their ranks. Their memory is used again.
func (c *tallyCutter) move(b *tallyBlock) {
	for i := range b.tallies {
		e := b.tallies[i]
		e.group = b.group(&e)
		r := c.cut.rangeOf(&e.group)
		open := &c.open[r]
		if len(*open) == cap(*open) {
			if cap(*open) > 0 {
				c.full[r] = append(c.full[r], *open)
			}
			*open = c.piece()
		}
		*open = append(*open, e)
	}
	c.cutSpare(b.tallies)
}

// pieces are those of each range.
func (c *tallyCutter) pieces() []tallyPieces {
	for r, open := range c.open {
		if len(open) > 0 {
			c.full[r] = append(c.full[r], open)
		}
	}
	return c.full
}

// piece returns an empty piece.
func (c *tallyCutter) piece() []tallyEntry {
	if len(c.spare) == 0 {
		c.cutSpare(make([]tallyEntry, 16*pieceTallies))
	}
	last := len(c.spare) - 1
	piece := c.spare[last]
	c.spare = c.spare[:last]
	return piece
}

// cutSpare cuts memory that is not used any more into pieces.
func (c *tallyCutter) cutSpare(memory []tallyEntry) {
	for ; len(memory) >= pieceTallies; memory = memory[pieceTallies:] {
		c.spare = append(c.spare, memory[:0:pieceTallies])
	}
}
