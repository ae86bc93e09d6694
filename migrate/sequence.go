package migrate

import "sort"

// A run is an unbroken stretch of sequence numbers, both ends included, and
// when the events at its ends were written.
type run struct {
	first, last     uint64
	firstMS, lastMS int64
}

// A sequence is the set of numbers seen of one boot: runs in order, never
// touching each other. A log without loss is a single run however long it is.
type sequence []run

// add puts number in and reports whether it is new.
func (s *sequence) add(number uint64, ms int64) bool {
	runs := *s
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
	*s = runs
	return true
}

// gaps lists where numbers are missing below the highest one seen. Nobody can
// tell when lines were written that stood before the first one seen.
func (s sequence) gaps(node string) []Gap {
	var gaps []Gap
	before := run{}
	for _, r := range s {
		if missing := r.first - before.last - 1; missing > 0 {
			gaps = append(gaps, Gap{Node: node, From: utc(before.lastMS), To: utc(r.firstMS), Lines: missing})
		}
		before = r
	}
	return gaps
}
