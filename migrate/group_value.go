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

// appendTuple appends the raw values at spans of a text, and pads them with
// zeros to whole words. Tuples of as many values are equal if their bytes are.
// There has to be room for maxTuple bytes and some; false if that is not enough.
func appendTuple(tuple []byte, text string, spans []scan.Span, file uint64) ([]byte, bool) {
	start := len(tuple)
	for _, span := range spans {
		from, to := int(span.From), int(span.To)
		if to == 0 {
			tuple = append(tuple, absentValue+byte(from))
			continue
		}
		var end byte = endOther
		if text[from] == '"' {
			from, to, end = from+1, to-1, endString
		}
		if len(tuple)-start+to-from > maxTuple {
			return tuple[:start], false
		}
		tuple = append(appendRaw(tuple, text, from, to), end)
	}
	if file > 0 {
		tuple = binary.LittleEndian.AppendUint32(tuple, uint32(file)) //nolint:gosec // a number of files
	}
	size := len(tuple)
	tuple = binary.LittleEndian.AppendUint64(tuple, 0)
	return tuple[:start+(size-start+7)&^7], true
}

// appendRaw appends a part of a text, for which there is room.
func appendRaw(tuple []byte, text string, from, to int) []byte {
	if to+8 > len(text) {
		return append(tuple, text[from:to]...)
	}
	room := tuple[len(tuple):cap(tuple)]
	for at := 0; at < to-from; at += 8 {
		binary.LittleEndian.PutUint64(room[at:], load8(text, from+at))
	}
	return tuple[:len(tuple)+to-from]
}

// load8 returns eight bytes of a text, the first one lowest.
func load8(s string, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func hashTuple(seed uint64, tuple []byte) uint64 {
	for ; len(tuple) >= 8; tuple = tuple[8:] {
		seed = mix(seed, binary.LittleEndian.Uint64(tuple))
	}
	return seed
}

func hashWords(seed uint64, tuple []uint64) uint64 {
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
func cutTuple(ends []int, tuple []byte, fields int) []int {
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
func (m tupleMaker) valueOf(field int, raw []byte) any {
	end := len(raw) - 1
	var value any
	switch {
	case raw[end] >= absentValue:
		return emptyParent(raw[end] - absentValue)
	case raw[end] == endString:
		value = decodeRaw(`"` + string(raw[:end]) + `"`)
	default:
		value = decodeRaw(string(raw[:end]))
	}
	if value == nil {
		return emptyParent(len(m.fields[field]) - 1)
	}
	return value
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
