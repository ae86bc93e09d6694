package migrate

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"unsafe"
)

// texts has a number for each of many texts. Short ones, which most are, stand
// in the slots: one look finds them.
type texts struct {
	seeds [3]uint64
	slots []textSlot // four times as many as short texts, or more: most lookups need one
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

const textSlotBytes = int64(unsafe.Sizeof(textSlot{}))

func newTexts() texts {
	seeds := [3]uint64{rand.Uint64(), rand.Uint64(), rand.Uint64()} //nolint:gosec // no secrets
	return texts{seeds: seeds, slots: make([]textSlot, 64), long: map[string]uint64{}}
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
	return s.number, s.text[2] != 0
}

// slot is that of a text, or a free one.
func (t *texts) slot(short *shortText) *textSlot {
	mask := uint64(len(t.slots) - 1)
	hash := mix(t.seeds[0], short[0]) ^ mix(t.seeds[1], short[1]) ^ mix(t.seeds[2], short[2])
	for at := hash & mask; ; at = (at + 1) & mask {
		s := &t.slots[at]
		if (s.text[0]^short[0])|(s.text[1]^short[1])|(s.text[2]^short[2]) == 0 || s.text[2] == 0 {
			return s
		}
	}
}

// add keeps a copy of the text at a place, which is new, and returns its number.
func (t *texts) add(text string, at Span, number uint64) uint64 {
	short, ok := at.short(text)
	if !ok {
		t.bytes += int64(textBytes + at.To - at.From)
		t.long[strings.Clone(at.Of(text))] = number
		return number
	}
	t.bytes += 4 * textSlotBytes
	if t.short++; 4*t.short > len(t.slots) {
		t.grow()
	}
	*t.slot(&short) = textSlot{short, number}
	return number
}

func (t *texts) grow() {
	old := t.slots
	t.slots = make([]textSlot, 2*len(old))
	for i := range old {
		if s := &old[i]; s.text[2] != 0 {
			*t.slot(&s.text) = *s
		}
	}
}

func (t *texts) clear() {
	clear(t.slots)
	clear(t.long)
	t.short, t.bytes = 0, 0
}
