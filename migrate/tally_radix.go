package migrate

import "math/bits"

// A sortRef is the place of something that is sorted by a key.
type sortRef struct {
	key   uint64
	place uint32
}

// digitBits is how many bits of a key are sorted by at once, at most: their
// counts stay in the cache.
const digitBits = 11

// A refSorter sorts refs by their keys, and leaves those of the same key in
// the order in which they are.
type refSorter struct{ refs, buffer []sortRef }

// sort sorts from the last digit to the first of all bits that are not the same in all keys.
func (s *refSorter) sort() {
	if cap(s.buffer) < len(s.refs) {
		s.buffer = make([]sortRef, cap(s.refs))
	}
	s.buffer = s.buffer[:len(s.refs)]
	varying := uint64(0)
	for i := range s.refs {
		varying |= s.refs[i].key ^ s.refs[0].key
	}
	for varying != 0 {
		shift := bits.TrailingZeros64(varying)
		s.sortDigit(shift)
		varying = varying >> shift >> digitBits << digitBits << shift
	}
}

// sortDigit sorts by one digit.
func (s *refSorter) sortDigit(shift int) {
	var starts [1 << digitBits]uint32
	for i := range s.refs {
		starts[s.refs[i].key>>shift%(1<<digitBits)]++
	}
	sum := uint32(0)
	for i, count := range starts {
		starts[i] = sum
		sum += count
	}
	for i := range s.refs {
		start := &starts[s.refs[i].key>>shift%(1<<digitBits)]
		s.buffer[*start] = s.refs[i]
		*start++
	}
	s.refs, s.buffer = s.buffer, s.refs
}
