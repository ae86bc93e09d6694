package apollo

import (
	"math/bits"

	"lockstep/migrate/scan"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
	lows  = highs - ones // seven bits of each byte
)

// is has the high bit of each byte that is c.
func is(word uint64, c byte) uint64 {
	other := word ^ ones*uint64(c)
	return ^(other&lows + lows | other) & highs
}

// within has the high bit of each byte from one to another, both of seven bits.
func within(word uint64, from, to byte) uint64 {
	low := word & lows
	return (low + ones*(0x80-uint64(from))) &^ (low + ones*(0x7f-uint64(to))) &^ word & highs
}

// bits8 has a bit for each byte that has its high bit.
func bits8(word uint64) uint64 { return word >> 7 * 0x0102040810204080 >> 56 }

// bits16 is [bits8] for two words.
func bits16(low, high uint64) uint64 { return bits8(low) | bits8(high)<<8 }

// subjects has the high bit of each byte that may be part of a subject.
func subjects(word uint64) uint64 {
	return within(word|ones*0x20, 'a', 'z') | within(word, '0', '9') | within(word, '-', '.') | is(word, '_')
}

// subjectSize is how many of the first sixteen bytes of a text, which has so
// many, may be part of a subject.
func subjectSize(text string) int {
	return bits.TrailingZeros64(^bits16(subjects(scan.Load(text, 0)), subjects(scan.Load(text, 8))))
}

// addressRoom is how many bytes [readAddress] may look at.
const addressRoom = 24

// readAddress reads an IPv4 address that is written as [netip.Addr] does, with
// a comma behind it, and says how long it is.
func readAddress(text string) (address uint32, size int, ok bool) {
	low, high := scan.Load(text, 0), scan.Load(text, 8)
	size = bits.TrailingZeros64(bits16(is(low, ','), is(high, ',')) | 1<<16)
	ends := bits16(is(low, '.'), is(high, '.')) & (1<<uint(size) - 1)
	if size == 16 || bits.OnesCount64(ends) != 3 {
		return 0, size, false
	}
	ends |= 1 << uint(size)
	begin := 0
	for range 4 {
		end := bits.TrailingZeros64(ends)
		ends &= ends - 1
		part, ok := readPart(uint32(scan.Load(text, begin)), end-begin) //nolint:gosec // the rest does not matter
		if !ok {
			return 0, size, false
		}
		address, begin = address<<8|part, end+1
	}
	return address, size, true
}

// readPart reads a number up to 255 of so many digits, the first one lowest.
func readPart(digits uint32, size int) (number uint32, ok bool) {
	if size < 1 || size > 3 {
		return 0, false
	}
	digits = (digits ^ 0x30303030) << uint(32-8*size)
	number = digits>>24 + 10*(digits>>16&0xff) + 100*(digits>>8&0xff)
	least := [...]uint32{0, 0, 10, 100}[size]
	return number, (digits+0x76767676|digits)&0x80808080 == 0 && least <= number && number <= 255
}
