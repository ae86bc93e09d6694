package runtime

import (
	"cmp"
	"slices"

	"lockstep/schemas"
)

// pending holds what was counted and is not written yet, as while a disk is
// full. It is bounded as [tallies] are, or a long outage would make it grow
// for ever.
type pending struct {
	tallies map[schemas.TallyKey]*classTally
	room    [classes]int64
	size    [classes]int64
}

func newPending(limit int64) *pending {
	return &pending{tallies: map[schemas.TallyKey]*classTally{}, room: rooms(limit)}
}

func (p *pending) add(key schemas.TallyKey, counted *classTally) {
	tally := p.tallies[key]
	if tally == nil && p.size[counted.class] >= p.room[counted.class] {
		key.Client = schemas.OverflowClient
		tally = p.tallies[key]
	}
	if tally == nil {
		tally = &classTally{class: counted.class}
		p.tallies[key] = tally
		p.size[counted.class]++
	}
	tally.Merge(counted.Tally)
}

// written forgets tallies that are in the event log.
func (p *pending) written(keys []schemas.TallyKey) {
	for _, key := range keys {
		p.size[p.tallies[key].class]--
		delete(p.tallies, key)
	}
}

// keys are in an order that makes equal counts give equal logs.
func (p *pending) keys() []schemas.TallyKey {
	keys := make([]schemas.TallyKey, 0, len(p.tallies))
	for key := range p.tallies {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, compareTallies)
	return keys
}

func compareTallies(a, b schemas.TallyKey) int {
	return cmp.Or(
		cmp.Compare(a.Day, b.Day), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Client, b.Client),
		cmp.Compare(a.How, b.How), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Reason, b.Reason))
}
