package migrate

import (
	"maps"
	"slices"
	"sort"
)

// A run is an unbroken stretch of sequence numbers, both ends included, and
// when the events at its ends were written.
type run struct {
	first, last     uint64
	firstMS, lastMS int64
}

// chunkBits is how many numbers a chunk spans, as a power of two: enough to
// make chunks few, few enough to keep the worst order of lines cheap.
const chunkBits = 12

// A sequence is the set of numbers seen of one boot, in chunks. A log without
// loss is a run per chunk.
type sequence map[uint64]*chunk

// A chunk holds runs in order that never touch each other.
type chunk struct {
	runs  []run
	dirty bool // since it was stored last
}

// chunk returns the chunk of a number, a new one if need be.
func (s sequence) chunk(number uint64) *chunk {
	c := s[number>>chunkBits]
	if c == nil {
		c = &chunk{}
		s[number>>chunkBits] = c
	}
	return c
}

// add puts number in and reports whether it is new.
func (c *chunk) add(number uint64, ms int64) bool {
	runs := c.runs
	i := sort.Search(len(runs), func(i int) bool { return runs[i].last >= number })
	if i < len(runs) && runs[i].first <= number {
		return false
	}
	left := i > 0 && runs[i-1].last+1 == number
	right := i < len(runs) && runs[i].first-1 == number
	switch {
	case left && right:
		runs[i-1].last, runs[i-1].lastMS = runs[i].last, runs[i].lastMS
		runs = append(runs[:i], runs[i+1:]...)
	case left:
		runs[i-1].last, runs[i-1].lastMS = number, ms
	case right:
		runs[i].first, runs[i].firstMS = number, ms
	default:
		runs = append(runs, run{})
		copy(runs[i+1:], runs[i:])
		runs[i] = run{number, number, ms, ms}
	}
	c.runs, c.dirty = runs, true
	return true
}

// gaps lists where numbers are missing below the highest one seen. Nobody can
// tell when lines were written that stood before the first one seen.
func (s sequence) gaps(node string) []Gap {
	var gaps []Gap
	before := run{}
	for _, number := range slices.Sorted(maps.Keys(s)) {
		for _, r := range s[number].runs {
			if missing := r.first - before.last - 1; missing > 0 {
				gaps = append(gaps, Gap{Node: node, From: utc(before.lastMS), To: utc(r.firstMS), Lines: missing})
			}
			before = r
		}
	}
	return gaps
}
