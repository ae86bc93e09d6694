package migrate

import (
	"encoding/binary"
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

// packTuple puts the raw values at spans of a text one behind the other, each
// with its end, and fills the lines of the entry that they will take with zeros.
// It returns how many bytes that are; 0 if there is no room. Tuples of as many
// values are equal if their bytes are.
//
// What is copied too far is written over by what comes next: so that most values
// take two loads and stores, however long they are. Bytes that were just written
// cannot be read again as words at once, so hashes have to wait.
func packTuple(room []byte, text string, spans []scan.Span, file uint64) (size int) {
	for _, span := range spans {
		from, length, end := 0, 0, absentValue+byte(span.From) //nolint:gosec // a number of objects
		if span.To > 0 {
			from, length, end = int(span.From), int(span.To-span.From), endOther
			if text[from] == '"' {
				from, length, end = from+1, length-2, endString
			}
		}
		if size+length+packMargin > len(room) {
			return 0
		}
		if to := room[size:]; length <= 16 && from+16 <= len(text) {
			binary.LittleEndian.PutUint64(to, scan.Load(text, from))
			binary.LittleEndian.PutUint64(to[8:], scan.Load(text, from+8))
		} else {
			copy(to, text[from:from+length])
		}
		room[size+length] = end
		size += length + 1
	}
	if file > 0 {
		binary.LittleEndian.PutUint32(room[size:], uint32(file)) //nolint:gosec // it has no more bits
		size += 4
	}
	*(*[lineBytes]byte)(room[size:]) = [lineBytes]byte{}
	return 8 * (entryWords((size+7)/8) - entryTuple)
}

// packMargin is how much room there has to be behind a value: for its end, the
// number of a file, and zeros.
const packMargin = 1 + 4 + lineBytes

// hashTuple is the hash of a tuple. Whoever writes what is logged does not know
// the seed, and so no words with which a factor is 0.
func hashTuple(seed uint64, tuple []byte) uint64 {
	for ; len(tuple) >= shortTuple; tuple = tuple[shortTuple:] {
		first, second := wordOf(tuple, 0), wordOf(tuple, 1)
		third, fourth := wordOf(tuple, 2), wordOf(tuple, 3)
		other := bits.RotateLeft64(seed, 32)
		seed = multiply(multiply(seed^first, other^second), multiply(seed^third, other^fourth)^mixer)
	}
	for ; len(tuple) > 0; tuple = tuple[8:] {
		seed = mix(seed, wordOf(tuple, 0))
	}
	return seed
}

// wordOf is a word of a tuple.
func wordOf(tuple []byte, i int) uint64 { return binary.LittleEndian.Uint64(tuple[8*i:]) }

const mixer = 0x9e3779b97f4a7c15

func mix(hash, word uint64) uint64 { return multiply(hash^word, mixer) }

func multiply(one, other uint64) uint64 {
	high, low := bits.Mul64(one, other)
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
