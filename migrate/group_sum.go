package migrate

import (
	"lockstep/schemas"
)

// groupDays are the days of which a part has tallies.
type groupDays struct {
	rests map[restDay]uint32 // numbers of the sums
	late  map[group]uint32   // places in the sums, of days before the last of a tuple
	signs []schemas.Tally    // when lines came, by the number of a rest
	last  []dayRest          // that were asked for, by the number of a key
}

// A restDay is the number of a key, and a day.
type restDay struct{ key, day uint32 }

// A dayRest is a day, plus one, and the number of a rest of it.
type dayRest struct{ day, rest uint32 }

func newGroupDays() groupDays {
	return groupDays{rests: map[restDay]uint32{}, late: map[group]uint32{}}
}

// otherDay counts a line of another day than the last one of its tuple. Days
// mostly come in order.
func (p *groupPart) otherDay(e *groupEntry, w *waitingLine) {
	if uint64(w.day) < e[entryKey]>>32 {
		p.countLate(e, w)
		return
	}
	p.keep(e)
	e[entryCount] = hourOf(w.ms) | 1
	e[entryMS] = e[entryMS]>>sizeShift<<sizeShift | uint64(w.ms)<<lastShift | uint64(w.ms)
	e[entryKey] = uint64(uint32(e[entryKey])) | uint64(w.day)<<32
}

// keep moves what an entry has counted of its last day to the sums.
func (p *groupPart) keep(e *groupEntry) {
	count := e[entryCount] & (1<<32 - 1)
	if count == 0 {
		return
	}
	start := int64(e[entryKey]>>32) * dayMS //nolint:gosec // no later than in the year 9999
	p.place(p.groupOf(e, uint32(e[entryKey]>>32)), schemas.Tally{
		Count: count, FirstMS: start + int64(e[entryMS]&msMask), LastMS: start + int64(e[entryMS]>>lastShift&msMask), //nolint:gosec // so many bits
		Hours: uint32(e[entryCount] >> hoursShift & (1<<24 - 1)),
	})
}

// groupOf is what a tuple counts on a day.
func (p *groupPart) groupOf(e *groupEntry, day uint32) group {
	return group{uint32(e[entryNumbers]), uint32(e[entryNumbers] >> 32), p.rest(restDay{uint32(e[entryKey]), day})} //nolint:gosec // lower halves
}

// place adds a new tally to the sums.
func (p *groupPart) place(of group, tally schemas.Tally) uint32 {
	place := p.sums.place(of)
	p.sums.entry(place).merge(tally)
	p.days.signs[of.rest].Merge(tally)
	return place
}

// countLate counts a line of a day before the last one of its tuple.
func (p *groupPart) countLate(e *groupEntry, w *waitingLine) {
	var tally schemas.Tally
	tally.Add(int64(w.day)*dayMS + int64(w.ms))
	of := p.groupOf(e, w.day)
	if place, ok := p.days.late[of]; ok {
		p.sums.entry(place).merge(tally)
		p.days.signs[of.rest].Merge(tally)
		return
	}
	p.days.late[of] = p.place(of, tally)
}

// rest is the number of a key with its day.
func (p *groupPart) rest(of restDay) uint32 {
	d := &p.days
	for len(d.last) <= int(of.key) {
		d.last = append(d.last, dayRest{})
	}
	last := &d.last[of.key]
	if last.day != of.day+1 {
		*last = dayRest{of.day + 1, p.otherRest(of)}
	}
	return last.rest
}

func (p *groupPart) otherRest(of restDay) uint32 {
	d := &p.days
	number, ok := d.rests[of]
	if !ok {
		p.judge.Lock()
		number = p.judge.restOf(of.key, of.day)
		p.judge.Unlock()
		d.rests[of] = number
		for len(d.signs) <= int(number) {
			d.signs = append(d.signs, schemas.Tally{})
		}
	}
	return number
}

// bytes is what the part has in memory, roughly.
func (p *groupPart) bytes() int64 {
	return p.tuples.bytes() + p.sums.bytes + int64(len(p.days.late))*48 + int64(p.tuples.entries)*entryBytes // which its tallies will take
}

// sum moves all that was counted to the sums.
func (p *groupPart) sum() {
	p.tuples.each(func(_ uint32, entry []uint64) { p.keep((*groupEntry)(entry)) })
}

// clear forgets all, after the sums have been taken.
func (p *groupPart) clear() {
	p.tuples.clear()
	p.sums.clear()
	clear(p.days.late)
	clear(p.days.rests)
	p.counted = 0
	p.days.signs, p.days.last = p.days.signs[:0], p.days.last[:0]
}

// drain implements [counting].
func (g *grouping) drain(f *Fold) {
	parallel(len(g.parts), func(i int) { g.parts[i].sum() })
	var sums []*tallyTable
	for _, part := range g.parts {
		f.takeSigns(part)
		sums = append(sums, part.sums)
	}
	g.judge.sums.take(sums...)
	parallel(len(g.parts), func(i int) { g.parts[i].clear() })
	f.table.merge(g.judge.sums)
	g.judge.clear()
	g.full.Store(false)
	g.settled(f)
}

// takeSigns takes in what a part has counted of foreign lines: each of them was
// a sign of life of its node.
func (f *Fold) takeSigns(p *groupPart) {
	rests := p.judge.sums.rests.values
	for rest, tally := range p.days.signs {
		if tally.Count == 0 {
			continue // of another part
		}
		f.seen(rests[rest].Environment)
		f.node(rests[rest].Node).signs(tally)
		f.Window.include(tally.FirstMS)
		f.Window.include(tally.LastMS)
	}
}
