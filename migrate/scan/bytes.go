package scan

import (
	"math/bits"
	"strings"
)

// Load returns eight bytes of a text from a place on, the first one lowest.
func Load(s string, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special has the high bit of the first byte that is a quote, a backslash or a
// control character; higher bits may be wrong.
func special(word uint64) uint64 { return dirt(word) & highs }

// dirt is special with other bits, which mean nothing.
func dirt(word uint64) uint64 {
	quote, slash := word^(ones*0x02), word^(ones*'\\') // a quote is 0x20 then, and what is less was
	return ((quote - ones*0x21) | (slash - ones)) &^ word
}

// inString returns the place of the quote that ends a string, from a place
// within it on; 0 if there is none, or if the string is not valid.
func inString(s string, at int) int {
	for at+8 <= len(s) {
		found := special(Load(s, at))
		if found == 0 {
			at += 8
			continue
		}
		at += bits.TrailingZeros64(found) / 8
		if s[at] == '"' {
			return at
		}
		if at = escape(s, at); at == 0 {
			return 0
		}
	}
	for at < len(s) {
		switch c := s[at]; {
		case c == '"':
			return at
		case c >= 0x20 && c != '\\':
			at++
		default:
			if at = escape(s, at); at == 0 {
				return 0
			}
		}
	}
	return 0
}

// endOfString is [inString] if the string is as most are, and else 0. Most end
// within sixteen bytes, and no branch depends on where.
func endOfString(s string, at int) int {
	for ; at+16 <= len(s); at += 16 {
		w := s[at : at+16]
		low, high := special(Load(w, 0)), special(Load(w, 8))
		if low|high == 0 {
			continue
		}
		end := bits.TrailingZeros64(low) / 8
		if end += bits.TrailingZeros64(high) / 8 & -(end / 8); w[end&15] == '"' {
			return at + end
		}
		break
	}
	return 0
}

// endOfFixed is [inString] if the string is of some length, and else 0: where
// it ends is guessed, so that nothing has to wait for what is found.
func endOfFixed(s string, at, length int) int {
	end := at + length
	if end+8 > len(s) || s[end] != '"' {
		return 0
	}
	found := uint64(0)
	for ; at+8 <= end; at += 8 {
		found |= dirt(Load(s, at))
	}
	found |= dirt(Load(s, at)) << (64 - 8*uint(end-at)) //nolint:gosec // less than eight
	if found&highs == 0 {
		return end
	}
	return 0
}

// escape returns the place behind what a backslash begins; 0 if it is not
// valid, or a control character.
func escape(s string, at int) int {
	if s[at] != '\\' || at+1 >= len(s) {
		return 0
	}
	if s[at+1] != 'u' {
		if strings.IndexByte(`"\/bfnrt`, s[at+1]) < 0 {
			return 0
		}
		return at + 2
	}
	if at+6 > len(s) {
		return 0
	}
	for _, c := range []byte(s[at+2 : at+6]) {
		if !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
			return 0
		}
	}
	return at + 6
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// word returns the place behind true, false or null; at if it is none of them.
func word(s string, at int) int {
	for _, word := range [...]string{"true", "null", "false"} {
		if strings.HasPrefix(s[at:], word) {
			return at + len(word)
		}
	}
	return at
}

// number returns the place behind a number; at if there is none.
func number(s string, at int) int {
	i := at
	if i < len(s) && s[i] == '-' {
		i++
	}
	whole := digits(s, i)
	if whole == i || s[i] == '0' && whole > i+1 {
		return at
	}
	if i = whole; i < len(s) && s[i] == '.' {
		fraction := digits(s, i+1)
		if fraction == i+1 {
			return at
		}
		i = fraction
	}
	if i >= len(s) || s[i]|0x20 != 'e' {
		return i
	}
	if i++; i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	if exponent := digits(s, i); exponent > i {
		return exponent
	}
	return at
}

// noDigit has the high bit of the first byte that is no digit; higher bits may be wrong.
func noDigit(word uint64) uint64 {
	word ^= ones * '0'
	return (word + ones*(0x80-10) | word) & highs
}

// endOfNumber is [number] if it is short and whole, and else 0.
func endOfNumber(s string, at int) int {
	w := s[at : at+9]
	other := noDigit(Load(w, 0))
	end := bits.TrailingZeros64(other) / 8
	if c := w[end]; other == 0 || end == 0 || w[0] == '0' && end > 1 || c|0x20 == 'e' || c == '.' {
		return 0
	}
	return at + end
}

func digits(s string, at int) int {
	for ; at+8 <= len(s); at += 8 {
		if other := noDigit(Load(s, at)); other != 0 {
			return at + bits.TrailingZeros64(other)/8
		}
	}
	for at < len(s) && isDigit(s[at]) {
		at++
	}
	return at
}
