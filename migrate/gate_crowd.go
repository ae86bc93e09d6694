package migrate

import (
	"maps"
	"slices"

	"lockstep/schemas"
)

// A crowd sums up the clients of an app of whom nothing has to be said one by
// one: those that pass and have never failed, and strangers whom nobody waits
// for. There may be millions of either, and anybody can make the latter.
type crowd struct {
	passing int // clients that have only passed in the time that counts

	// Of those: how many came on one day and on two, on how many days together,
	// and how many there were on each day since 1970.
	once, twice int
	days        int
	byDay       map[int64]int

	strangers, accepted roll
}

// settle sums up all clients of an app that need no place of their own, and
// returns how many have lost theirs.
func (g *gate) settle(a *app) (settled int) {
	for who, c := range a.clients {
		if g.stands(a, who, c) {
			continue
		}
		delete(a.clients, who)
		settled++
		switch {
		case !c.seen():
		case c.fail == 0:
			a.crowd.add(c)
		default:
			g.placeStranger(a, who, c)
		}
	}
	return settled
}

// stands reports whether more has to be known of a client than a crowd tells:
// it is named by the inventory, or fails and would block, or is not one client.
func (g *gate) stands(a *app, who clientKey, c *client) bool {
	switch {
	case a.expected[who.name] != nil || a.waiver(who.name) != nil || who.name == schemas.OverflowClient:
		return true
	case c.fail == 0:
		return false
	}
	return a.known(who, c) || (who.how == schemas.HowVerified && g.accepted(a, who, c) == nil)
}

// placeStranger lists a client that nobody waits for.
func (g *gate) placeStranger(a *app, who clientKey, c *client) {
	evidence := c.evidence(who)
	if d := g.accepted(a, who, c); d != nil {
		a.rely(d)
		evidence.AcceptedBy = d.By
		a.crowd.accepted.add(evidence)
		return
	}
	a.crowd.strangers.add(evidence)
}

// add sums up a client that passes.
func (k *crowd) add(c *client) {
	k.passing++
	n := c.okHours.days()
	k.days += n
	switch n {
	case 1:
		k.once++
	case 2:
		k.twice++
	}
	if k.byDay == nil {
		k.byDay = map[int64]int{}
	}
	for day, mask := range c.okHours {
		if mask != 0 {
			k.byDay[day]++
		}
	}
}

// rollNamed is how many clients a roll names.
const rollNamed = 64

// A roll is a list of clients, in order, that ends: of those that are too many
// to be named one, [schemas.OverflowClient], stands for all.
type roll struct {
	count int
	named []schemas.ClientEvidence
	rest  *schemas.ClientEvidence
}

func (r *roll) add(c schemas.ClientEvidence) {
	r.count++
	at, _ := slices.BinarySearchFunc(r.named, c, func(a, b schemas.ClientEvidence) int {
		return clientKey{a.Client, a.How}.compare(clientKey{b.Client, b.How})
	})
	if at < rollNamed {
		r.named = slices.Insert(r.named, at, c)
		if len(r.named) <= rollNamed {
			return
		}
		c, r.named = r.named[rollNamed], r.named[:rollNamed]
	}
	if r.rest == nil {
		r.rest = &schemas.ClientEvidence{Client: schemas.OverflowClient, How: c.How}
	}
	r.rest.Merge(c)
}

// clone is a roll to go on with.
func (r *roll) clone() *roll {
	other := &roll{count: r.count, named: slices.Clone(r.named)}
	if r.rest != nil {
		rest := *r.rest
		rest.Reasons = maps.Clone(rest.Reasons)
		other.rest = &rest
	}
	return other
}

// list is the roll as a plan has it.
func (r *roll) list() []schemas.ClientEvidence {
	if r.rest == nil {
		return r.named
	}
	return append(slices.Clone(r.named), *r.rest)
}
