package migrate

import (
	"encoding/json"
	"math/bits"
	"strings"
	"unicode/utf8"

	"lockstep/migrate/scan"
)

// What follows a value in a tuple, or stands instead of it. No value has such
// bytes: JSON does not allow them, and strings stand in it as they are written.
const (
	endString   = 0 // of a string, which is without its quotes
	endOther    = 1
	absentValue = 2 // and higher, by the number of the objects around it that are there
	maxParents  = 6
)

// packTuple packs the raw values at spans of a text into words, padded with
// zeros, and returns how many these are; 0 if there is no room. Tuples of as
// many values are equal if their words are.
//
// Values are shifted into place in a register: written byte by byte, they could
// not be read again as words at once. Where a word is full depends on how long
// values are, so there is no branch for that.
func packTuple(words []uint64, text string, spans []scan.Span, file uint64) (size int) {
	var word uint64 // that is being filled
	var filled uint // its bits, less than 64
	room := len(words) - packMargin
	for _, span := range spans {
		from, rest, value := int(span.From), uint(0), absentValue+uint64(span.From) //nolint:gosec // a number of objects
		if span.To > 0 {
			end := uint64(endOther)
			if rest = uint(span.To - span.From); text[from] == '"' { //nolint:gosec // the end is behind the beginning
				from, rest, end = from+1, rest-2, endString
			}
			if size+int(rest/8) > room { //nolint:gosec // a line is not that long
				return 0
			}
			for ; rest >= 8; rest -= 8 {
				value = scan.Load(text, from)
				words[size] = word | value<<(filled&63)
				word = value >> 1 >> (63 - filled&63)
				from, size = from+8, size+1
			}
			if from+8 <= len(text) {
				value = scan.Load(text, from) & (1<<(8*rest&63) - 1)
			} else {
				value = loadLast(text, from, rest)
			}
			value |= end << (8 * rest & 63)
		}
		word |= value << (filled & 63)
		words[size] = word
		over := value >> 1 >> (63 - filled&63)
		if filled += 8*rest + 8; filled >= 64 {
			word = over
		}
		size += int(filled / 64) //nolint:gosec // 0 or 1
		filled %= 64
	}
	if file > 0 {
		words[size] = word | file<<(filled&63)
		word = words[size]
		if filled += 32; filled > 64 {
			size, filled, word = size+1, filled-64, file>>(96-filled)
		}
	}
	if filled > 0 {
		words[size] = word
		size++
	}
	return size
}

// packMargin is how many words have to be left behind a value: for those that
// take a byte each, and what comes last.
const packMargin = 64/8 + 3

// loadLast returns less than eight bytes at the end of a text.
func loadLast(text string, from int, size uint) (word uint64) {
	for i := range size {
		word |= uint64(text[from+int(i)]) << (8 * i) //nolint:gosec // less than 8
	}
	return word
}

// hashTuple is the hash of a tuple.
func hashTuple(seed uint64, tuple []uint64) uint64 {
	for _, word := range tuple {
		seed = mix(seed, word)
	}
	return seed
}

func mix(hash, word uint64) uint64 {
	high, low := bits.Mul64(hash^word, 0x9e3779b97f4a7c15)
	return high ^ low
}

// cutTuple returns where the values of a tuple end, in so many fields.
func cutTuple(ends []int, tuple string, fields int) []int {
	at := 0
	for range fields {
		for tuple[at] > absentValue+maxParents {
			at++
		}
		at++
		ends = append(ends, at)
	}
	return ends
}

// valueOf is the value of a field, as [tupleMaker.tupleEvent] takes it.
func (m tupleMaker) valueOf(field int, raw string) any {
	end := len(raw) - 1
	var value any
	switch {
	case raw[end] >= absentValue:
		return emptyParent(raw[end] - absentValue)
	case raw[end] == endString:
		value = decodeRaw(`"` + raw[:end] + `"`)
	default:
		value = decodeRaw(strings.Clone(raw[:end]))
	}
	if value == nil {
		return emptyParent(len(m.fields[field]) - 1)
	}
	return value
}

// plainText is the text of a raw value, with what ends it; false if it is no
// string, or has to be decoded. What is not there has none.
func plainText(raw string) (string, bool) {
	text := raw[:len(raw)-1]
	switch end := raw[len(text)]; {
	case end >= absentValue:
		return "", true
	case end == endOther || strings.IndexByte(text, '\\') >= 0 || !utf8.ValidString(text):
		return "", false
	}
	return text, true
}

// decodeRaw is the value of a raw text, as [splitJSON] makes it; nil for null.
func decodeRaw(raw string) any {
	if text := raw[1:max(len(raw)-1, 1)]; raw[0] == '"' && strings.IndexByte(text, '\\') < 0 && utf8.ValidString(text) {
		return text
	}
	dec := json.NewDecoder(strings.NewReader(raw))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return nil // it cannot be: the scanner has read it
	}
	return number(value)
}
