package migrate

// A groupTable counts lines by tuple and UTC day. Days mostly come in order, so
// an entry holds its last day, and those before are kept apart.
type groupTable struct {
	slots   []uint64 // half of the hash, and the place of the entry in words plus one; 0 if free
	chunks  []*[chunkWords]uint64
	used    int // words of chunks
	entries int
	days    []groupDay // the first is not used
}

// chunkWords is how much memory an entry may find room in.
const chunkWords = 1 << 14

// The words of an entry before those of its tuple.
const (
	entryHash  = iota
	entryCount // and hours above
	entryMS    // of the day, the first and the last above
	entryDay   // and where those before it begin
	entryMark  // what the tuple means, and its size above
	entryTuple
)

// A groupDay is what an entry counts of one day.
type groupDay struct {
	count, hours  uint32
	first, last   uint32 // milliseconds of the day
	day, previous uint32
}

func (d *groupDay) add(ms uint32) {
	d.count++
	d.hours |= hourOf(ms)
	d.first, d.last = min(d.first, ms), max(d.last, ms)
}

func hourOf(ms uint32) uint32 { return 1 << (ms / uint32(hourMS)) }

func newGroupTable() *groupTable {
	return &groupTable{slots: make([]uint64, 1<<12), days: make([]groupDay, 1)}
}

// bytes is what the table takes.
func (t *groupTable) bytes() int64 {
	return int64(len(t.slots)*8 + t.used*8 + len(t.days)*24)
}

// entry is the memory from an entry on.
func (t *groupTable) entry(place uint32) []uint64 {
	return t.chunks[place/chunkWords][place%chunkWords:]
}

// find returns the entry of a tuple; nil if there is none. The slot is where it
// is, or where it belongs.
func (t *groupTable) find(hash uint64, tuple []uint64) (slot int, entry []uint64) {
	mask := len(t.slots) - 1
	for slot = int(hash) & mask; t.slots[slot] != 0; slot = (slot + 1) & mask {
		if t.slots[slot]>>32 != hash>>32 {
			continue
		}
		entry = t.entry(uint32(t.slots[slot]) - 1)
		if entry[entryHash] == hash && sameTuple(entry, tuple) {
			return slot, entry
		}
	}
	return slot, nil
}

func sameTuple(entry, tuple []uint64) bool {
	if entry[entryMark]>>32 != uint64(entryTuple+len(tuple)) {
		return false
	}
	entry = entry[entryTuple : entryTuple+len(tuple)]
	for i, word := range tuple {
		if entry[i] != word {
			return false
		}
	}
	return true
}

// add makes an entry in a free slot; nil if the tuple is too long for one.
func (t *groupTable) add(slot int, hash uint64, tuple []uint64, mark uint32) []uint64 {
	size := entryTuple + len(tuple)
	if size > chunkWords/8 {
		return nil
	}
	if left := chunkWords - t.used%chunkWords; left < size {
		clear(t.entry(uint32(t.used))) // the chunk ends here
		t.used += left
	}
	if t.used/chunkWords == len(t.chunks) {
		t.chunks = append(t.chunks, new([chunkWords]uint64))
	}
	place := uint32(t.used) //nolint:gosec // memory ends before 32 bits do
	entry := t.entry(place)[:size]
	t.used += size
	entry[entryHash], entry[entryMark] = hash, uint64(mark)|uint64(size)<<32
	entry[entryCount], entry[entryMS], entry[entryDay] = 0, 1<<32-1, 0
	copy(entry[entryTuple:], tuple)
	t.slots[slot] = hash>>32<<32 | uint64(place+1)
	if t.entries++; t.entries > len(t.slots)/2 {
		t.grow()
	}
	return entry
}

// grow doubles the slots.
func (t *groupTable) grow() {
	old := t.slots
	t.slots = make([]uint64, 2*len(old))
	mask := len(t.slots) - 1
	for _, s := range old {
		if s == 0 {
			continue
		}
		slot := int(t.entry(uint32(s) - 1)[entryHash]) & mask //nolint:gosec // its lower half
		for t.slots[slot] != 0 {
			slot = (slot + 1) & mask
		}
		t.slots[slot] = s
	}
}

// count counts a line of an entry.
func (t *groupTable) count(entry []uint64, day, ms uint32) {
	e := (*[entryTuple]uint64)(entry)
	if uint32(e[entryDay]) != day || uint32(e[entryCount]) == 1<<32-1 {
		t.otherDay(e, day, ms)
		return
	}
	e[entryCount] = (e[entryCount] | uint64(hourOf(ms))<<32) + 1
	first, last := min(uint32(e[entryMS]), ms), max(uint32(e[entryMS]>>32), ms)
	e[entryMS] = uint64(first) | uint64(last)<<32
}

// otherDay counts a line of another day than the last.
func (t *groupTable) otherDay(e *[entryTuple]uint64, day, ms uint32) {
	if day < uint32(e[entryDay]) {
		t.earlier(e, day, ms)
		return
	}
	previous := uint32(e[entryDay] >> 32)
	if uint32(e[entryCount]) > 0 {
		t.days = append(t.days, lastDay(e))
		previous = uint32(len(t.days) - 1) //nolint:gosec // memory ends before 32 bits do
	}
	e[entryCount] = uint64(hourOf(ms))<<32 | 1
	e[entryMS] = uint64(ms) | uint64(ms)<<32
	e[entryDay] = uint64(day) | uint64(previous)<<32
}

// earlier counts a line that comes late.
func (t *groupTable) earlier(e *[entryTuple]uint64, day, ms uint32) {
	for at := uint32(e[entryDay] >> 32); at != 0; at = t.days[at].previous {
		if d := &t.days[at]; d.day == day && d.count < 1<<32-1 {
			d.add(ms)
			return
		}
	}
	t.days = append(t.days, groupDay{1, hourOf(ms), ms, ms, day, uint32(e[entryDay] >> 32)})
	e[entryDay] = uint64(uint32(e[entryDay])) | uint64(len(t.days)-1)<<32
}

// lastDay is what an entry counts of its last day.
func lastDay(e *[entryTuple]uint64) groupDay {
	return groupDay{
		count: uint32(e[entryCount]), hours: uint32(e[entryCount] >> 32),
		first: uint32(e[entryMS]), last: uint32(e[entryMS] >> 32),
		day: uint32(e[entryDay]), previous: uint32(e[entryDay] >> 32),
	}
}

// each yields what was counted, by tuple and day. A day may come twice.
func (t *groupTable) each(yield func(mark uint32, day *groupDay)) {
	for place := 0; place < t.used; {
		left := chunkWords - place%chunkWords
		if left < entryTuple {
			place += left
			continue
		}
		e := (*[entryTuple]uint64)(t.entry(uint32(place)))
		if e[entryMark] == 0 {
			place += left
			continue
		}
		place += int(e[entryMark] >> 32)
		t.daysOf(e, yield)
	}
}

func (t *groupTable) daysOf(e *[entryTuple]uint64, yield func(mark uint32, day *groupDay)) {
	mark, last := uint32(e[entryMark]), lastDay(e)
	if last.count > 0 {
		yield(mark, &last)
	}
	for at := last.previous; at != 0; at = t.days[at].previous {
		yield(mark, &t.days[at])
	}
}

// clear forgets all. The memory is kept: it will be needed again.
func (t *groupTable) clear() {
	clear(t.slots)
	t.used, t.entries, t.days = 0, 0, t.days[:1]
}
