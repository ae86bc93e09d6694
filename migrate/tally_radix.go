package migrate

import "math/bits"

// A tallyRef is the place of a tally, with the ranks of the parts of its key.
type tallyRef struct{ subject, client, rest, place uint32 }

// digitBits is how many bits of a rank are sorted by at once: their counts
// stay in the cache.
const digitBits = 11

// rankBits is how many bits the ranks of so many values have.
func rankBits(values int) int { return bits.Len(uint(max(values-1, 0))) }

// sortRefs sorts refs by the ranks of rest, client and subject, from the last
// digit to the first. The bits are how many each of them has at most. It
// returns the buffer that it used, which may be a larger one.
func sortRefs(refs, buffer []tallyRef, bits [3]int) []tallyRef {
	if cap(buffer) < len(refs) {
		buffer = make([]tallyRef, len(refs)*5/4)
	}
	from, to := refs, buffer[:len(refs)]
	for field, width := range bits {
		for shift := 0; shift < width; shift += digitBits {
			if sortDigit(from, to, field, shift) {
				from, to = to, from
			}
		}
	}
	if len(refs) > 0 && &from[0] != &refs[0] {
		copy(refs, from)
	}
	return buffer
}

// sortDigit moves refs in order of one digit of one field, 0 for that of rest;
// false if all have the same one.
func sortDigit(from, to []tallyRef, field, shift int) bool {
	var starts [1 << digitBits]uint32
	for i := range from {
		starts[digit(&from[i], field, shift)]++
	}
	if len(from) == 0 || int(starts[digit(&from[0], field, shift)]) == len(from) {
		return false
	}
	sum := uint32(0)
	for i, count := range starts {
		starts[i] = sum
		sum += count
	}
	for i := range from {
		d := digit(&from[i], field, shift)
		to[starts[d]] = from[i]
		starts[d]++
	}
	return true
}

func digit(ref *tallyRef, field, shift int) uint32 {
	rank := ref.rest
	switch field {
	case 1:
		rank = ref.client
	case 2:
		rank = ref.subject
	}
	return rank >> shift & (1<<digitBits - 1)
}
