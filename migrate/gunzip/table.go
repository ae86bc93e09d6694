package gunzip

import "math/bits"

// A table finds what the next bits of a stream mean. Codes of more bits than
// its first part has go on in parts of their own.
type table struct {
	bits    uint     // of the first part
	entries []uint32 // see [entry]
}

// longest is how many bits a code has at most.
const longest = 15

// An entry of a table has, from its lowest bit, the length of the code, how
// many bits follow that are added to the value, a kind, and the value. One
// without a length is that of no code.
const (
	lengthMask = 15
	extraShift = 4
	extraMask  = 15
	valueShift = 16
)

// Kinds of entries besides lengths and distances.
const (
	literal = 1 << (8 + iota)
	blockEnd
	longer // the value is where the codes that begin so go on
)

// build makes the table of the codes of these lengths; each means the entry of
// its number. It is false if no stream can have such codes.
func (t *table) build(lengths []uint8, meaning []uint32) bool {
	next, ok := firstCodes(lengths)
	if !ok {
		return false
	}
	t.entries = t.entries[:1<<t.bits]
	clear(t.entries)
	for n, length := range lengths {
		if length > 0 {
			code := bits.Reverse16(next[length]) >> (16 - length)
			next[length]++
			t.add(uint(code), uint(length), meaning[n])
		}
	}
	return true
}

// firstCodes is the first code of each length, as RFC 1951, section 3.2.2, has
// them. All bits have to mean something, unless there is one code at most.
func firstCodes(lengths []uint8) (next [longest + 1]uint16, ok bool) {
	var count [longest + 1]int
	for _, length := range lengths {
		count[length]++
	}
	code, most := 0, 0
	for length := 1; length <= longest; length++ {
		code <<= 1
		next[length] = uint16(code) //nolint:gosec // if it is too large that is found out below
		code += count[length]
		if count[length] > 0 {
			most = length
		}
		if code > 1<<length {
			return next, false
		}
	}
	none, single := most == 0, most == 1 && count[1] == 1
	return next, none || single || code == 1<<longest
}

// add enters a code, whose first bit is the lowest one, wherever the next bits
// begin with it. One that means nothing is as if it were none.
func (t *table) add(code, length uint, meaning uint32) {
	if meaning == 0 {
		return
	}
	meaning |= uint32(length) //nolint:gosec // no more than longest
	part := t.entries[:1<<t.bits]
	if length > t.bits {
		part = t.part(code & (1<<t.bits - 1))
		code, length = code>>t.bits, length-t.bits
	}
	for ; code < uint(len(part)); code += 1 << length {
		part[code] = meaning
	}
}

// part is where codes go on that begin with these bits.
func (t *table) part(first uint) []uint32 {
	size := 1 << (longest - t.bits)
	if t.entries[first] == 0 {
		at := len(t.entries)
		t.entries[first] = uint32(at)<<valueShift | longer //nolint:gosec // there are no more than some thousands
		t.entries = t.entries[:at+size]
		clear(t.entries[at:])
	}
	at := int(t.entries[first] >> valueShift)
	return t.entries[at : at+size]
}
