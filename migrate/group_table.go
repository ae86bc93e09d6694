package migrate

import "encoding/binary"

// A groupTable has an entry for each tuple. Most entries take one line of the
// cache, which is all that has to be fetched to count a line of a log.
type groupTable struct {
	seed    uint64
	slots   []uint64 // half of the hash, and the place of the entry plus one; 0 if free
	chunks  []*[chunkWords]uint64
	used    int // words of chunks
	entries int
}

const (
	chunkWords = 1 << 14 // in which entries find room
	lineWords  = 8       // of the cache; entries take multiples of that
	lineBytes  = 8 * lineWords
	shortTuple = lineBytes - 8*entryTuple // bytes of a tuple whose entry takes one line, as that of most does
	maxTuple   = 4096                     // bytes; the size of one in words has 10 bits
	tupleRoom  = maxTuple + packMargin
)

// The words of an entry before those of its tuple. A part of a judge has one
// number, and uses none of the others but the size.
const (
	entryCount   = iota // of lines of a day in 32 bits, their hours in 24, the verdict of the tuple in 8
	entryMS             // of the first line in the day in 27 bits, of the last in 27, the size of the tuple in words
	entryNumbers        // of the subject in 32 bits, and of the client
	entryKey            // its number in 32 bits, and the day
	entryTuple

	lastShift, sizeShift = 27, 54
	msMask               = 1<<lastShift - 1
)

// sizeOf is the size of the tuple of an entry in words.
func sizeOf(entry []uint64) int { return int(entry[entryMS] >> sizeShift) } //nolint:gosec // it has 10 bits

// entryWords is how many words an entry takes with a tuple of so many.
func entryWords(tuple int) int { return (entryTuple + tuple + lineWords - 1) &^ (lineWords - 1) }

func newGroupTable(seed uint64) *groupTable {
	return &groupTable{seed: seed, slots: make([]uint64, 1<<8)}
}

// bytes is what the table takes.
func (t *groupTable) bytes() int64 { return int64(len(t.slots)+t.used) * 8 }

// entry is the memory from an entry on.
func (t *groupTable) entry(place uint32) []uint64 {
	return t.chunks[place/(chunkWords/lineWords)][place%(chunkWords/lineWords)*lineWords:]
}

// A groupEntry is the first line of an entry: its numbers, and a short tuple.
type groupEntry [lineWords]uint64

// likely finds the entries that lines belong to, most likely: nil where it is
// not sure of any. It asks for all slots, then for all entries, so that the
// memory is waited for once and not for each line. What it returns means nothing.
func (t *groupTable) likely(waits []waitingLine, list []uint16, entries *[flushed]*groupEntry) (touched uint64) {
	var slots [flushed]uint64
	mask := uint64(len(t.slots) - 1)
	for n, i := range list {
		hash := waits[i].hash
		if slot := t.slots[hash&mask]; slot>>32 == hash>>32 {
			slots[n%flushed] = slot
		}
	}
	for n, slot := range slots[:len(list)] {
		if place := uint32(slot); place != 0 { //nolint:gosec // its lower half
			entries[n] = (*groupEntry)(t.entry(place - 1))
			touched += entries[n][0]
		}
	}
	return touched
}

// touch has the memory of an entry come, while that of others does.
func (t *groupTable) touch(hash uint64) uint64 {
	place := uint32(t.slots[hash&uint64(len(t.slots)-1)]) //nolint:gosec // its lower half
	if place == 0 {
		return 0
	}
	return t.entry(place - 1)[entryNumbers]
}

// firstLine is what an entry begins with, if there is one.
func firstLine(entry []uint64) *groupEntry {
	if entry == nil {
		return nil
	}
	return (*groupEntry)(entry)
}

// is reports whether the entry is that of a tuple, if that is short.
func (e *groupEntry) is(tuple []byte) bool {
	return len(tuple) == shortTuple && e[entryMS]>>sizeShift == shortTuple/8 &&
		(e[entryTuple]^wordOf(tuple, 0)|e[entryTuple+1]^wordOf(tuple, 1)|
			e[entryTuple+2]^wordOf(tuple, 2)|e[entryTuple+3]^wordOf(tuple, 3)) == 0
}

// find returns the entry of a tuple; nil if there is none. The slot is where it
// is, or where it belongs.
func (t *groupTable) find(hash uint64, tuple []byte) (slot int, entry []uint64) {
	mask := len(t.slots) - 1
	for slot = int(hash) & mask; t.slots[slot] != 0; slot = (slot + 1) & mask { //nolint:gosec // its lower half
		if t.slots[slot]>>32 != hash>>32 {
			continue
		}
		if entry = t.entry(uint32(t.slots[slot]) - 1); sameTuple(entry, tuple) { //nolint:gosec // its lower half
			return slot, entry
		}
	}
	return slot, nil
}

func sameTuple(entry []uint64, tuple []byte) bool {
	if 8*sizeOf(entry) != len(tuple) {
		return false
	}
	other := uint64(0)
	for i, word := range entry[entryTuple : entryTuple+len(tuple)/8] {
		other |= word ^ wordOf(tuple, i)
	}
	return other == 0
}

// add makes an entry in a free slot.
func (t *groupTable) add(slot int, hash uint64, tuple []byte) []uint64 {
	words := len(tuple) / 8
	size := entryWords(words)
	if left := chunkWords - t.used%chunkWords; left < size {
		t.entry(uint32(t.used / lineWords))[entryMS] = noEntry
		t.used += left
	}
	if t.used/chunkWords == len(t.chunks) {
		t.chunks = append(t.chunks, new([chunkWords]uint64))
	}
	place := uint32(t.used / lineWords) //nolint:gosec // memory ends before 32 bits do
	entry := t.entry(place)[:size]
	t.used += size
	entry[entryCount], entry[entryNumbers], entry[entryKey] = 0, 0, 0
	entry[entryMS] = msMask | uint64(words)<<sizeShift //nolint:gosec // less than maxTuple
	for i := range words {
		entry[entryTuple+i] = wordOf(tuple, i)
	}
	t.slots[slot] = hash>>32<<32 | uint64(place+1)
	if t.entries++; t.entries > len(t.slots)/2 {
		t.grow()
	}
	return entry
}

// noEntry is instead of a size where no room was left for an entry in a chunk.
const noEntry = 1<<64 - 1

// grow doubles the slots.
func (t *groupTable) grow() {
	t.slots = make([]uint64, 2*len(t.slots))
	clear(t.slots) // pages that are read first would be faulted in twice
	mask := len(t.slots) - 1
	var tuple []byte
	t.each(func(place uint32, e []uint64) {
		tuple = tuple[:0]
		for _, word := range e[entryTuple : entryTuple+sizeOf(e)] {
			tuple = binary.LittleEndian.AppendUint64(tuple, word)
		}
		hash := hashTuple(t.seed, tuple)
		slot := int(hash) & mask //nolint:gosec // its lower half
		for t.slots[slot] != 0 {
			slot = (slot + 1) & mask
		}
		t.slots[slot] = hash>>32<<32 | uint64(place+1)
	})
}

// each yields all entries, in the order in which they came.
func (t *groupTable) each(yield func(place uint32, entry []uint64)) {
	for at := 0; at < t.used; {
		place := uint32(at / lineWords) //nolint:gosec // memory ends before 32 bits do
		e := t.entry(place)
		if e[entryMS] == noEntry {
			at += chunkWords - at%chunkWords
			continue
		}
		at += entryWords(sizeOf(e))
		yield(place, e)
	}
}

// clear forgets all. The memory is kept: it will be needed again.
func (t *groupTable) clear() {
	clear(t.slots)
	t.used, t.entries = 0, 0
}
