package migrate

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"lockstep/schemas"
)

// pairWindow is how far the records of one request may be apart, in
// milliseconds. A thread writes one after the other, with nothing between but
// the computation of a signature: Apollo 2.5.2 took 15 ms at most, and up to
// 168 ms for the first ones after its start.
const pairWindow = 1000

// A pairing finds the records that tell of a request which the record before
// them, of the same thread, told of already. The lines of a log are in order,
// so only the last moments have to be remembered. Where one log ends and
// another one goes on, in whatever order they are read, what is left over at
// the ends is matched when all have been read. It is stored as JSON.
type pairing struct {
	File          string                  // that is being read
	Begin, Latest int64                   // of its records so far, Unix time in milliseconds
	Moves         int                     // of Latest, which drops what is too long ago
	Threads       map[string]*threadMark  // the last record of each thread, and some that were dropped
	Tails         map[string][]threadMark // the same at the ends of other logs, if another record may follow
	Heads         []Record                // the first ones of threads, if they may be the second of a request

	room int // for marks, before those that were dropped are swept out
}

// A threadMark is what is remembered of a record.
type threadMark struct {
	Subject, Client string // whose request it is, where it stands for itself
	MS              int64
	Second          bool // nothing of the same request follows
	Moves           int  // of the pairing when this was set

	who   callerNumber // the same while logs are read
	swept bool         // it is in no table any more
}

// A place is which record of its request one is.
type place int

const (
	placeFirst place = iota
	placeSecond
	placeOpen // nobody knows before all logs have been read
)

// first reports whether a record is the first of its request. One of which
// nobody knows yet is kept for [pairing.rest].
func (p *pairing) first(c *callers, file string, r *Record) bool {
	if r.Thread == "" {
		return true
	}
	p.reach(c, file, r.TimeMS)
	who := c.number(r.Event.Subject, r.Event.Client)
	found := p.follow(p.mark(c, r.Thread), who, r.TimeMS, r.Second)
	if found == placeOpen {
		p.Heads = append(p.Heads, r.clone())
	}
	return found == placeFirst
}

// reach goes on to a record of a file, and reports whether it is another file.
func (p *pairing) reach(c *callers, file string, ms int64) (turned bool) {
	if turned = file != p.File || p.Threads == nil; turned {
		p.turn(c, file, ms)
	}
	if ms > p.Latest+pairWindow {
		p.Latest = ms
		p.Moves++
	}
	return turned
}

// follow says which record of its request one is, and has it take the place of
// the one before it on its thread.
func (p *pairing) follow(m *threadMark, who callerNumber, ms int64, second bool) place {
	found := placeFirst
	if second {
		found = p.placeOfSecond(m, who, ms)
	}
	m.who, m.MS, m.Second, m.Moves = who, ms, second, p.Moves
	if m.Subject != "" {
		m.Subject, m.Client = "", ""
	}
	return found
}

// placeOfSecond says what one is that may be the second, from the mark of the
// one before it.
func (p *pairing) placeOfSecond(before *threadMark, who callerNumber, ms int64) place {
	switch {
	case p.knows(before) && before.who == who && before.precedes(ms):
		return placeSecond
	case p.knows(before), ms > p.Begin+pairWindow:
		return placeFirst
	}
	return placeOpen
}

// mark is what is remembered of a thread, or a place for it.
func (p *pairing) mark(c *callers, thread string) *threadMark {
	if m := p.Threads[thread]; m != nil {
		if m.Subject != "" { // it was stored
			m.who, m.Subject, m.Client = c.number(m.Subject, m.Client), "", ""
		}
		return m
	}
	if len(p.Threads) >= p.room {
		p.sweep(func(m *threadMark) bool { return !p.knows(m) })
		p.room = 2*len(p.Threads) + 1024
	}
	m := &threadMark{Moves: -1}
	p.Threads[strings.Clone(thread)] = m
	return m
}

// knows reports whether a mark is not too long ago. Marks are dropped when the
// time moves on, not by each other.
func (p *pairing) knows(m *threadMark) bool {
	return m.Moves == p.Moves || m.Moves >= 0 && m.MS >= p.Latest-pairWindow
}

func (p *pairing) sweep(dropped func(m *threadMark) bool) {
	maps.DeleteFunc(p.Threads, func(_ string, m *threadMark) bool {
		m.swept = dropped(m)
		return m.swept
	})
}

// turn goes on to another log and keeps the ends of the last one.
func (p *pairing) turn(c *callers, file string, ms int64) {
	p.sweep(func(m *threadMark) bool { return m.Moves < 0 || m.MS < p.Latest-pairWindow })
	p.name(c)
	if p.Tails == nil {
		p.Tails = map[string][]threadMark{}
	}
	for thread, m := range p.Threads {
		if !m.Second {
			p.Tails[thread] = append(p.Tails[thread], *m)
		}
	}
	p.File, p.Begin, p.Latest, p.Threads = file, ms, ms, map[string]*threadMark{}
}

// name has marks stand for themselves, to be kept or compared.
func (p *pairing) name(c *callers) {
	for _, m := range p.Threads {
		if m.Subject == "" {
			m.Subject, m.Client = c.names(m.who)
		}
	}
}

// rest returns the records kept back that are the first of their request after
// all, in order of time. Each takes the earliest end that it can follow, so
// that most find one, in whatever order the logs were read.
func (p *pairing) rest(c *callers) []Record {
	p.name(c)
	slices.SortFunc(p.Heads, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.TimeMS, b.TimeMS), cmp.Compare(a.Thread, b.Thread),
			cmp.Compare(a.Event.Subject, b.Event.Subject), cmp.Compare(a.Event.Client, b.Event.Client))
	})
	for _, tails := range p.Tails {
		slices.SortFunc(tails, func(a, b threadMark) int { return cmp.Compare(a.MS, b.MS) })
	}
	var firsts []Record
	used := map[string]bool{} // threads whose last record has been found
	for _, r := range p.Heads {
		tails := p.Tails[r.Thread]
		i := slices.IndexFunc(tails, r.follows)
		last := p.Threads[r.Thread]
		switch {
		case last != nil && p.knows(last) && !used[r.Thread] && r.follows(*last) && (i < 0 || last.MS < tails[i].MS):
			used[r.Thread] = true
		case i >= 0:
			p.Tails[r.Thread] = slices.Delete(tails, i, i+1)
		default:
			firsts = append(firsts, r)
		}
	}
	p.Heads = nil
	return firsts
}

// follows reports whether a second record is of the same request as the one
// before it on its thread.
func (r *Record) follows(before threadMark) bool {
	return before.precedes(r.TimeMS) && before.Subject == r.Event.Subject && before.Client == r.Event.Client
}

// precedes reports whether the second record of a request may be at ms.
func (m *threadMark) precedes(ms int64) bool {
	return !m.Second && m.MS <= ms && ms <= m.MS+pairWindow
}

// clone copies what is used of a record, free of the block it stood in.
func (r *Record) clone() Record {
	c := *r
	c.Node, c.Thread, c.Copy = strings.Clone(r.Node), strings.Clone(r.Thread), strings.Clone(r.Copy)
	key, tally := r.Event.Tally()
	c.Event = schemas.TallyEvent(cloneKey(key), tally)
	c.Event.Subject, c.Event.Client = strings.Clone(key.Subject), strings.Clone(key.Client)
	return c
}
