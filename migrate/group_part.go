package migrate

import "sync"

// A groupPart counts the lines of some tuples. Whoever is at it holds its lock.
type groupPart struct {
	sync.Mutex
	*grouping

	tuples  *groupTable
	sums    *tallyTable // with the numbers of the judge, and no texts
	days    groupDays
	counted int64  // bytes
	touched uint64 // so that memory is touched
}

func newGroupPart(g *grouping) *groupPart {
	return &groupPart{grouping: g, tuples: newGroupTable(g.seed), sums: newTallyTable(), days: newGroupDays()}
}

// count counts lines that wait. It returns those that have to be read one by
// one, after those that were found before.
func (p *groupPart) count(g *grouper, b *batch, list, odd []uint16) []uint16 {
	before := len(odd)
	for rest := list; len(rest) > 0; {
		some := rest[:min(len(rest), flushed)]
		odd = p.countSome(g, b, some, odd)
		rest = rest[len(some):]
	}
	lines := uint64(len(list) - len(odd) + before) //nolint:gosec // odd are of the list
	b.Lines += lines
	b.Parsed += lines
	p.weigh(&p.counted, p.bytes())
	return odd
}

// countSome counts a few lines. First it asks for all memory that they will
// need, so that it is waited for once and not for each line.
func (p *groupPart) countSome(g *grouper, b *batch, list, odd []uint16) []uint16 {
	var entries [flushed]*groupEntry
	p.touched += p.tuples.likely(g.waits, list, &entries)
	p.findAll(g, list, &entries)
	for n, i := range list {
		switch p.countEntry(entries[n%flushed], &g.waits[i]) {
		case counted:
		case ignored:
			b.Ignored++
			b.Parsed--
		case lineByLine:
			odd = append(odd, i)
		}
	}
	return odd
}

// findAll makes sure of the entries of lines. New tuples are judged together.
func (p *groupPart) findAll(g *grouper, list []uint16, entries *[flushed]*groupEntry) {
	fresh := g.fresh[:0]
	for n, i := range list {
		w, entry := &g.waits[i], entries[n%flushed]
		tuple := g.room[w.from:w.to]
		if entry != nil && entry.is(tuple) {
			continue
		}
		_, found := p.tuples.find(w.hash, tuple)
		if entries[n%flushed] = firstLine(found); found == nil {
			fresh = append(fresh, freshTuple{hash: w.hash, tuple: tuple, line: n % flushed})
		}
	}
	if g.fresh = fresh; len(fresh) > 0 {
		p.judgeAll(g, fresh, entries)
	}
}

// A freshTuple is one that has no entry yet.
type freshTuple struct {
	hash    uint64
	tuple   []byte
	line    int // among those that are counted together
	meaning meaning
}

// judgeAll has tuples judged, and makes entries for them.
func (p *groupPart) judgeAll(g *grouper, fresh []freshTuple, entries *[flushed]*groupEntry) {
	p.take(p.judge.judgeAll(g, fresh))
	for _, f := range fresh {
		slot, entry := p.tuples.find(f.hash, f.tuple) // one of the others may have been the same
		if entry == nil {
			entry = p.tuples.add(slot, f.hash, f.tuple)
			entry[entryCount] = uint64(f.meaning.verdict) << verdictShift
			entry[entryNumbers] = uint64(f.meaning.subject) | uint64(f.meaning.client)<<32
			entry[entryKey] = uint64(f.meaning.key)
		}
		entries[f.line%flushed] = firstLine(entry)
	}
}

// countEntry counts a line of a tuple, if its lines are counted at all.
func (p *groupPart) countEntry(e *groupEntry, w *waitingLine) verdict {
	count := e[entryCount]
	if v := verdict(count >> verdictShift); v != counted {
		return v
	}
	if uint32(e[entryKey]>>32) != w.day || uint32(count) == 1<<32-1 {
		p.otherDay(e, w)
		return counted
	}
	e[entryCount] = (count | hourOf(w.ms)) + 1
	first, last := min(e[entryMS]&msMask, uint64(w.ms)), max(e[entryMS]>>lastShift&msMask, uint64(w.ms))
	e[entryMS] = e[entryMS]>>sizeShift<<sizeShift | last<<lastShift | first
	return counted
}

const hoursShift, verdictShift = 32, 56

// hourOf is the bit of the hour of a moment in a day, in the count of an entry.
func hourOf(ms uint32) uint64 { return 1 << (hoursShift + ms/uint32(hourMS)) }
