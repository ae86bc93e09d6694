package apollo

import (
	"math/bits"
	"strings"

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

// bits8 has a bit for each byte that has its high bit.
func bits8(word uint64) uint64 { return word >> 7 * 0x0102040810204080 >> 56 }

// bits16 is [bits8] for two words.
func bits16(low, high uint64) uint64 { return bits8(low) | bits8(high)<<8 }

// indexOf is how much of a text is in front of a byte; -1 if that is not in it.
// It mostly is in the first sixteen, and no branch depends on where.
func indexOf(text string, c byte) int {
	if len(text) >= 16 {
		if size := bits.TrailingZeros64(bits16(is(scan.Load(text, 0), c), is(scan.Load(text, 8), c))); size < 16 {
			return size
		}
	}
	return strings.IndexByte(text, c)
}

// noDigits has the high bit of each byte that is no digit.
func noDigits(word uint64) uint64 {
	word ^= ones * '0'
	return (word&lows + ones*(0x80-10) | word) & highs
}

// addressRoom is how many bytes [readAddress] may look at.
const addressRoom = 24

// readAddress reads an IPv4 address that is written as [netip.Addr] does, with
// a comma behind it, and says how long it is.
func readAddress(text string) (address uint32, size int, ok bool) {
	text = text[:addressRoom]
	ends := bits16(noDigits(scan.Load(text, 0)), noDigits(scan.Load(text, 8))) | 1<<16
	begin := 0
	for _, behind := range [...]byte{'.', '.', '.', ','} {
		end := bits.TrailingZeros64(ends)
		ends &= ends - 1
		part, ok := readPart(uint32(scan.Load(text, begin&15)), end-begin) //nolint:gosec // the rest does not matter
		if !ok || text[end&15] != behind {
			return 0, 0, false
		}
		address, begin = address<<8|part, end+1
	}
	return address, begin - 1, true
}

// readPart reads a number up to 255 of one to three digits, the first one lowest.
func readPart(digits uint32, size int) (number uint32, ok bool) {
	if uint(size-1) > 2 {
		return 0, false
	}
	digits = bits.ReverseBytes32(digits^0x30303030) >> (uint(32-8*size) & 31) //nolint:gosec // less than 32
	number = digits&0xff + 10*(digits>>8&0xff) + 100*(digits>>16)
	return number, digits <= 0x020505 && number >= uint32(leastParts>>(uint(size)*8)&0xff)
}

const leastParts = 100<<24 | 10<<16
