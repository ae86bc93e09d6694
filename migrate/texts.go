package migrate

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
)

// texts has a number for each of many texts. Short ones, which most are, stand
// in the slots: one look finds them.
type texts struct {
	seed  uint64
	slots []textSlot // twice as many as short texts, or more
	short int
	long  map[string]uint64
	bytes int64 // what all of them take, roughly
}

// A textSlot is a text and its number; it is free if the text is empty.
type textSlot struct {
	text   shortText
	number uint64
}

// A shortText is a text of up to 23 bytes, with its size plus one behind it.
type shortText [3]uint64

const maxShort = 23

func newTexts() texts {
	return texts{seed: rand.Uint64(), slots: make([]textSlot, 64), long: map[string]uint64{}} //nolint:gosec // no secret
}

// short is the text at a place, if it is short.
func (s Span) short(text string) (short shortText, ok bool) {
	size := int(s.To - s.From)
	if size > maxShort {
		return short, false
	}
	if rest := text[s.From:]; len(rest) >= 24 {
		for i := range short {
			short[i] = load(rest, 8*i) & (1<<uint(8*max(size-8*i, 0)) - 1)
		}
	} else {
		var padded [24]byte
		copy(padded[:], rest[:size])
		for i := range short {
			short[i] = binary.LittleEndian.Uint64(padded[8*i:])
		}
	}
	short[2] |= uint64(size+1) << 56 //nolint:gosec // not negative
	return short, true
}

// load returns eight bytes of a text, the first one lowest.
func load(s string, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// find returns the number of the text at a place.
func (t *texts) find(text string, at Span) (number uint64, ok bool) {
	short, ok := at.short(text)
	if !ok {
		number, ok = t.long[at.Of(text)]
		return number, ok
	}
	s := t.slot(&short)
	return s.number, s.text == short
}

// slot is that of a text, or a free one.
func (t *texts) slot(short *shortText) *textSlot {
	mask := uint64(len(t.slots) - 1)
	hash := mix(mix(mix(t.seed, short[0]), short[1]), short[2])
	for at := hash & mask; ; at = (at + 1) & mask {
		if s := &t.slots[at]; s.text == *short || s.text[2] == 0 {
			return s
		}
	}
}

// add keeps a copy of the text at a place, which is new.
func (t *texts) add(text string, at Span, number uint64) uint64 {
	t.bytes += int64(textBytes + at.To - at.From)
	short, ok := at.short(text)
	if !ok {
		t.long[strings.Clone(at.Of(text))] = number
		return number
	}
	if t.short++; 2*t.short > len(t.slots) {
		old := t.slots
		t.slots = make([]textSlot, 2*len(old))
		for i := range old {
			if s := &old[i]; s.text[2] != 0 {
				*t.slot(&s.text) = *s
			}
		}
	}
	*t.slot(&short) = textSlot{short, number}
	return number
}

func (t *texts) clear() {
	clear(t.slots)
	clear(t.long)
	t.short, t.bytes = 0, 0
}
