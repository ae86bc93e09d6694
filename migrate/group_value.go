package migrate

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"lockstep/migrate/scan"
)

// A tuple is the raw text of the values that a mapping needs, as words: of each
// its bytes, without the quote that ends a string, and at least one zero byte.
// No value has a zero byte within, so that tuples are equal if their words are.

// appendTuple appends the words of values that stand in a text.
func appendTuple(words []uint64, text string, spans []scan.Span) []uint64 {
	for _, span := range spans {
		from, to := int(span.From), int(span.To)
		if to == 0 {
			words = append(words, absentMark|uint64(from)<<8)
			continue
		}
		if text[to-1] == '"' {
			to--
		}
		for ; to-from >= 8; from += 8 {
			words = append(words, load8(text, from))
		}
		words = append(words, loadLess(text, from, to))
	}
	return words
}

// absentMark begins the word of a value that is not there.
const absentMark = 1

// load8 returns eight bytes of a text, the first one lowest.
func load8(s string, i int) uint64 {
	_ = s[i+7]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
		uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
}

// loadLess returns less than eight bytes.
func loadLess(s string, from, to int) (word uint64) {
	if from+8 <= len(s) {
		return load8(s, from) & (1<<(8*(to-from)) - 1)
	}
	for i := to - 1; i >= from; i-- {
		word = word<<8 | uint64(s[i])
	}
	return word
}

// valuesOf makes the values of a tuple, as [tupleMaker.tupleEvent] takes them.
func (m tupleMaker) valuesOf(tuple []uint64) []any {
	values := make([]any, 0, len(m.fields))
	var raw []byte
	for _, word := range tuple {
		if len(raw) == 0 && word&0xff == absentMark {
			values = append(values, emptyParent(word>>8))
			continue
		}
		ends := word>>56 == 0
		for ; word != 0; word >>= 8 {
			raw = append(raw, byte(word))
		}
		if ends {
			values = append(values, m.valueOf(len(values), raw))
			raw = raw[:0]
		}
	}
	return values
}

// valueOf is the value of a field.
func (m tupleMaker) valueOf(field int, raw []byte) any {
	if raw[0] == '"' {
		raw = append(raw, '"')
	}
	if value := decodeRaw(string(raw)); value != nil {
		return value
	}
	return emptyParent(len(m.fields[field]) - 1)
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
