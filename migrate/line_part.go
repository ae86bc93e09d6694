package migrate

import (
	"sync"
	"unsafe"

	"lockstep/schemas"
)

// A linePart is the part of a [lineCount] that counts the lines of some clients.
type linePart struct {
	sync.Mutex
	*lineCount

	slots   []lineSlot
	entries int
	sums    *tallyTable // of days that are over
	touched uint64
	counted int64 // bytes

	// Numbers of the sums.
	subjects []uint32 // by those of [callers], from 1
	clients  clientTable
	rests    map[restOf]uint32
	last     restOf // that was asked for
	rest     uint32 // its number
}

// A lineSlot counts the lines of a caller and a kind on one day, mostly the
// last one. Two of them take a line of the cache.
type lineSlot struct {
	who          callerNumber
	kind         lineKindNumber
	day          uint32 // since 1970
	count, hours uint32 // a count of 0 if the slot is free
	first, last  uint32 // milliseconds of the day
}

const lineSlotBytes = int64(unsafe.Sizeof(lineSlot{}))

// A restOf is a kind and a day.
type restOf struct {
	kind lineKindNumber
	day  uint32
}

func newLinePart(c *lineCount) *linePart {
	return &linePart{
		lineCount: c, slots: make([]lineSlot, 1<<6), sums: newTallyTable(), clients: newClientTable(), rests: map[restOf]uint32{},
	}
}

// linesAtOnce is how many lines are looked up before any is counted: the
// memory has to be waited for once and not for each.
const linesAtOnce = 64

// add counts some of the lines, which have these hashes.
func (p *linePart) add(lines []countedLine, hashes []uint64, some []uint32) {
	for len(some) > 0 {
		now := some[:min(len(some), linesAtOnce)]
		some = some[len(now):]
		p.touch(lines, hashes, now)
		for _, i := range now {
			p.addLine(&lines[i], hashes[i])
		}
	}
	p.weigh(&p.counted, p.bytes())
}

// touch asks for the memory that some lines need: their slots, and what has to
// be known to keep one that is of another day.
func (p *linePart) touch(lines []countedLine, hashes []uint64, some []uint32) {
	touched := uint64(0)
	var other [linesAtOnce]uint32
	count := 0
	for _, i := range some {
		s := &p.slots[p.first(hashes[i])]
		other[count&(linesAtOnce-1)] = i
		if s.day != uint32(lines[i].ms/dayMS) { //nolint:gosec // no later than in the year 9999
			count++
		}
	}
	for _, i := range other[:count] {
		touched += p.clients.touch(lines[i].who.client())
	}
	p.touched += touched
}

func (p *linePart) addLine(l *countedLine, hash uint64) {
	day := uint32(l.ms / dayMS)           //nolint:gosec // no later than in the year 9999
	ms := uint32(l.ms - int64(day)*dayMS) //nolint:gosec // of a day
	s := p.slot(l.who, l.kind, hash)
	switch {
	case s.count == 0:
		*s = newLineSlot(l, day, ms)
		if p.entries++; 4*p.entries > 3*len(p.slots) {
			p.grow()
		}
	case day == s.day && s.count < 1<<32-1:
		s.count++
		s.hours |= 1 << (ms / uint32(hourMS))
		s.first, s.last = min(s.first, ms), max(s.last, ms)
	case day < s.day: // days mostly come in order
		p.addLate(l)
	default:
		p.keep(s)
		*s = newLineSlot(l, day, ms)
	}
}

func newLineSlot(l *countedLine, day, ms uint32) lineSlot {
	return lineSlot{l.who, l.kind, day, 1, 1 << (ms / uint32(hourMS)), ms, ms}
}

// slot is that of a caller and a kind, or a free one.
func (p *linePart) slot(who callerNumber, kind lineKindNumber, hash uint64) *lineSlot {
	mask := uint64(len(p.slots) - 1)
	for at := p.first(hash); ; at = (at + 1) & mask {
		if s := &p.slots[at]; s.who == who && s.kind == kind || s.count == 0 {
			return s
		}
	}
}

// first is where a slot with a hash is looked for first: in that one and the
// next, which share a line of the cache.
func (p *linePart) first(hash uint64) uint64 { return hash & uint64(len(p.slots)-1) &^ 1 }

func (p *linePart) grow() {
	old := p.slots
	p.slots = make([]lineSlot, 2*len(old))
	clear(p.slots) // pages that are read first would be faulted in twice
	for i := range old {
		if s := &old[i]; s.count > 0 {
			*p.slot(s.who, s.kind, p.hash(s.who, s.kind)) = *s
		}
	}
}

// keep moves what a slot has counted to the sums.
func (p *linePart) keep(s *lineSlot) {
	start := int64(s.day) * dayMS
	place := p.sums.place(group{p.subject(s.who), p.client(s.who), p.restOf(restOf{s.kind, s.day})})
	p.sums.entry(place).merge(schemas.Tally{
		Count: uint64(s.count), FirstMS: start + int64(s.first), LastMS: start + int64(s.last), Hours: s.hours,
	})
}

// addLate counts a line of a day before the last one of its slot.
func (p *linePart) addLate(l *countedLine) {
	var tally schemas.Tally
	tally.Add(l.ms)
	key := p.key(restOf{l.kind, uint32(l.ms / dayMS)}) //nolint:gosec // no later than in the year 9999
	key.Subject, key.Client = p.callers.names(l.who)
	p.sums.add(key, tally)
}

func (p *linePart) subject(who callerNumber) uint32 {
	number := int(who.subject())
	if number >= len(p.subjects) {
		more := make([]uint32, number+1-len(p.subjects))
		p.subjects = append(p.subjects, more...)
		p.sums.bytes += int64(4 * len(more))
	}
	if p.subjects[number] == 0 {
		name, _ := p.callers.names(who)
		p.subjects[number] = p.sums.subjects.add(name, &p.sums.bytes, textBytes+len(name)) + 1
	}
	return p.subjects[number] - 1
}

func (p *linePart) client(who callerNumber) uint32 {
	client := p.clients.slot(who.client())
	if client.number == 0 {
		_, name := p.callers.names(who)
		client = p.clients.put(who.client(), p.sums.clients.add(name, &p.sums.bytes, textBytes+len(name))+1)
	}
	return client.number - 1
}

// restOf is the number of the rest of a key.
func (p *linePart) restOf(of restOf) uint32 {
	if of == p.last {
		return p.rest
	}
	number, ok := p.rests[of]
	if !ok {
		number = p.sums.rest(p.key(of))
		p.rests[of] = number
	}
	p.last, p.rest = of, number
	return number
}

// key is that of a kind on a day, without subject and client.
func (p *linePart) key(of restOf) schemas.TallyKey {
	kind := p.kind(of.kind.number())
	key := kind.key
	if key.Day = utcDay(int64(of.day)); kind.copied != "" {
		key.Node += copyMark + kind.copied
	}
	return key
}

// bytes is what the part takes, and its tallies will take, roughly.
func (p *linePart) bytes() int64 { return int64(p.entries)*(2*lineSlotBytes+entryBytes) + p.sums.bytes }

// sum moves all that was counted to the sums.
func (p *linePart) sum() {
	for i := range p.slots {
		if s := &p.slots[i]; s.count > 0 {
			p.keep(s)
		}
	}
}

// clear forgets all, after the sums were taken.
func (p *linePart) clear() {
	clear(p.slots)
	clear(p.rests)
	p.clients.clear()
	p.entries, p.counted, p.subjects, p.last = 0, 0, p.subjects[:0], restOf{}
	clear(p.subjects[:cap(p.subjects)])
}
