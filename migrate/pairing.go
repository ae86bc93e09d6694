package migrate

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"lockstep/schemas"
)

// pairWindow is how far the records of one request may be apart: a thread
// writes one after the other, with nothing between but the computation of a
// signature. In milliseconds.
const pairWindow = 20

// A pairing finds the records that tell of a request which another one told of
// before. The lines of a log are in order, so only those of the last moments
// have to be remembered. Where one log ends and another one goes on, in
// whatever order they are read, what is left over at the ends is matched when
// all have been read. It is stored as JSON.
type pairing struct {
	File          string             // that is being read
	Begin, Latest int64              // of its records so far, Unix time in milliseconds
	Open          map[string]int64   // when a first record came that may have a second one, by request
	Tails         map[string][]int64 // the same, at the ends of other logs
	Heads         []Record           // second records at the beginnings of logs
}

// first reports whether a record is the first of its request. One of which
// nobody knows yet is kept for [pairing.rest].
func (p *pairing) first(file string, r *Record) bool {
	if r.Request == "" {
		return true
	}
	if file != p.File || p.Open == nil {
		p.turn(file, r.TimeMS)
	}
	p.advance(r.TimeMS)
	if !r.Second {
		p.Open[strings.Clone(r.Request)] = r.TimeMS
		return true
	}
	if at, ok := p.Open[r.Request]; ok && r.follows(at) {
		delete(p.Open, r.Request)
		return false
	}
	if r.TimeMS > p.Begin+pairWindow {
		return true
	}
	p.Heads = append(p.Heads, r.clone())
	return false
}

// turn goes on to another log.
func (p *pairing) turn(file string, ms int64) {
	p.forget()
	p.endLog()
	p.File, p.Begin, p.Latest, p.Open = strings.Clone(file), ms, ms, map[string]int64{}
}

// endLog keeps what may have its second record in another log.
func (p *pairing) endLog() {
	if p.Tails == nil {
		p.Tails = map[string][]int64{}
	}
	for request, at := range p.Open {
		p.Tails[request] = append(p.Tails[request], at)
	}
}

// advance forgets from time to time what is too long ago.
func (p *pairing) advance(ms int64) {
	if ms/1000 > p.Latest/1000 {
		p.Latest = ms
		p.forget()
	}
	p.Latest = max(p.Latest, ms)
}

func (p *pairing) forget() {
	maps.DeleteFunc(p.Open, func(_ string, at int64) bool { return at < p.Latest-pairWindow })
}

// rest returns the records kept back that are the first of their request after
// all, in order of time.
func (p *pairing) rest() []Record {
	slices.SortFunc(p.Heads, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.TimeMS, b.TimeMS), cmp.Compare(a.Request, b.Request))
	})
	var firsts []Record
	for _, r := range p.Heads {
		tails := p.Tails[r.Request]
		if i := slices.IndexFunc(tails, r.follows); i >= 0 {
			p.Tails[r.Request] = slices.Delete(tails, i, i+1)
			continue
		}
		if at, ok := p.Open[r.Request]; !ok || !r.follows(at) {
			firsts = append(firsts, r)
		}
	}
	p.Heads = nil
	return firsts
}

// follows reports whether a second record may be of the request that has left
// its first one at a moment.
func (r *Record) follows(at int64) bool { return at <= r.TimeMS && r.TimeMS <= at+pairWindow }

// clone copies what is used of a record, free of the block it stood in.
func (r *Record) clone() Record {
	c := *r
	c.Node, c.Request, c.Copy = strings.Clone(r.Node), strings.Clone(r.Request), strings.Clone(r.Copy)
	key, tally := r.Event.Tally()
	c.Event = schemas.TallyEvent(cloneKey(key), tally)
	c.Event.Subject, c.Event.Client = strings.Clone(key.Subject), strings.Clone(key.Client)
	return c
}
