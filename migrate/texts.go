package migrate

import (
	"math/rand/v2"
	"strings"
	"unsafe"

	"lockstep/migrate/scan"
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

// A shortText is a text of up to 23 bytes, with its size plus one behind it. It
// is no array, as those do not fit into registers.
type shortText struct{ low, middle, high uint64 }

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
	rest := text[s.From:]
	if len(rest) < maxShort+1 {
		var padded [maxShort + 1]byte
		copy(padded[:], rest[:size])
		rest = string(padded[:])
	}
	return shortText{
		scan.Load(rest, 0) & firstBytes(size), scan.Load(rest, 8) & firstBytes(size-8),
		scan.Load(rest, 16)&firstBytes(size-16) | uint64(size+1)<<56, //nolint:gosec // not negative
	}, true
}

// firstBytes masks so many of eight bytes.
func firstBytes(n int) uint64 { return 1<<uint(8*max(n, 0)) - 1 }

// find returns the number of the text at a place.
func (t *texts) find(text string, at Span) (number uint64, ok bool) {
	short, ok := at.short(text)
	if !ok {
		number, ok = t.long[at.Of(text)]
		return number, ok
	}
	s := t.slot(short)
	return s.number, !s.free()
}

// slot is that of a text, or a free one. Slots come in pairs, which share a line
// of the cache: of the first pair the right one is chosen without a branch, as
// nobody can foresee which it is.
func (t *texts) slot(short shortText) *textSlot {
	slots := t.slots
	mask := len(slots) - 1
	hash := mix(t.seeds[0], short.low) ^ mix(t.seeds[1], short.middle) ^ mix(t.seeds[2], short.high)
	at := int(hash) & mask &^ 1 //nolint:gosec // its lower bits are used
	second := &slots[at|1].text
	at |= isZero(second.low ^ short.low | second.middle ^ short.middle | second.high ^ short.high)
	if s := &slots[at]; s.text == short {
		return s
	}
	for at &^= 1; ; at++ {
		s := &slots[at&mask]
		if s.text == short || s.free() {
			return s
		}
	}
}

// isZero is 1 if a word is 0, and 0 otherwise.
func isZero(word uint64) int { return int(^(word | -word) >> 63) } //nolint:gosec // one bit

func (s *textSlot) free() bool { return s.text.high == 0 }

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
	*t.slot(short) = textSlot{short, number}
	return number
}

func (t *texts) grow() {
	old := t.slots
	t.slots = make([]textSlot, 2*len(old))
	for i := range old {
		if s := &old[i]; !s.free() {
			*t.slot(s.text) = *s
		}
	}
}

func (t *texts) clear() {
	clear(t.slots)
	clear(t.long)
	t.short, t.bytes = 0, 0
}
