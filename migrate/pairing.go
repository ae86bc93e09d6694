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
	Threads       map[string]threadMark   // the last record of each thread, for a while
	Tails         map[string][]threadMark // the same at the ends of other logs, if another record may follow
	Heads         []Record                // the first ones of threads, if they may be the second of a request
}

// A threadMark is what is remembered of a record.
type threadMark struct {
	Request string
	MS      int64
	Second  bool // nothing of the same request follows
}

// first reports whether a record is the first of its request. One of which
// nobody knows yet is kept for [pairing.rest].
func (p *pairing) first(file string, r *Record) bool {
	if r.Thread == "" {
		return true
	}
	if file != p.File || p.Threads == nil {
		p.turn(file, r.TimeMS)
	}
	p.advance(r.TimeMS)
	before, ok := p.Threads[r.Thread]
	p.Threads[strings.Clone(r.Thread)] = threadMark{strings.Clone(r.Request), r.TimeMS, r.Second}
	switch {
	case !r.Second:
		return true
	case ok:
		return !r.follows(before)
	case r.TimeMS > p.Begin+pairWindow:
		return true
	}
	p.Heads = append(p.Heads, r.clone())
	return false
}

// turn goes on to another log and keeps the ends of the last one.
func (p *pairing) turn(file string, ms int64) {
	p.forget()
	if p.Tails == nil {
		p.Tails = map[string][]threadMark{}
	}
	for thread, m := range p.Threads {
		if !m.Second {
			p.Tails[thread] = append(p.Tails[thread], m)
		}
	}
	p.File, p.Begin, p.Latest, p.Threads = strings.Clone(file), ms, ms, map[string]threadMark{}
}

// advance forgets from time to time what is too long ago.
func (p *pairing) advance(ms int64) {
	if ms > p.Latest+pairWindow {
		p.Latest = ms
		p.forget()
	}
}

func (p *pairing) forget() {
	maps.DeleteFunc(p.Threads, func(_ string, m threadMark) bool { return m.MS < p.Latest-pairWindow })
}

// rest returns the records kept back that are the first of their request after
// all, in order of time. Each takes the earliest end that it can follow, so
// that most find one, in whatever order the logs were read.
func (p *pairing) rest() []Record {
	slices.SortFunc(p.Heads, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.TimeMS, b.TimeMS), cmp.Compare(a.Thread, b.Thread), cmp.Compare(a.Request, b.Request))
	})
	for _, tails := range p.Tails {
		slices.SortFunc(tails, func(a, b threadMark) int { return cmp.Compare(a.MS, b.MS) })
	}
	var firsts []Record
	used := map[string]bool{} // threads whose last record has been found
	for _, r := range p.Heads {
		tails := p.Tails[r.Thread]
		i := slices.IndexFunc(tails, r.follows)
		last, ok := p.Threads[r.Thread]
		switch {
		case ok && !used[r.Thread] && r.follows(last) && (i < 0 || last.MS < tails[i].MS):
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
	return !before.Second && before.Request == r.Request && before.MS <= r.TimeMS && r.TimeMS <= before.MS+pairWindow
}

// clone copies what is used of a record, free of the block it stood in.
func (r *Record) clone() Record {
	c := *r
	c.Node, c.Thread, c.Request, c.Copy = strings.Clone(r.Node), strings.Clone(r.Thread), strings.Clone(r.Request), strings.Clone(r.Copy)
	key, tally := r.Event.Tally()
	c.Event = schemas.TallyEvent(cloneKey(key), tally)
	c.Event.Subject, c.Event.Client = strings.Clone(key.Subject), strings.Clone(key.Client)
	return c
}
