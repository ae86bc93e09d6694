package migrate

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"lockstep/schemas"
)

const days = 24 * time.Hour

// harmDays is how far the risk looks ahead: one month and what a job that
// comes once a month may be late.
const harmDays = 35

// An outlook is what the risk of enforcing an app is made of, now and, if all
// that is due comes and passes, later.
type outlook struct {
	now          time.Time
	seen, failed int           // known clients that came, and those of them that ever failed
	unseen       []expectation // that nobody attested
	repaired     []repair
	once, twice  int           // clients seen on exactly one day and on two, periods that are known left out
	watched      time.Duration // history and window together
	maxPeriod    time.Duration // of a job that nobody has named
}

// A repair is a client that failed and has passed since.
type repair struct {
	good int           // observations since the failure
	over time.Duration // in so much time
}

// risk is the number of clients that enforcing is expected to refuse, if it
// comes at a moment that is not before now. It is
//
//	R = Σ a·q̂ over the unseen + Σ ½/(k+2) over the repaired + Û·q̂
//
// with a the weight of an expectation and k the good observations of a repair.
func (o *outlook) risk(at time.Time) schemas.Risk {
	ahead := at.Sub(o.now)
	var r schemas.Risk
	arrived := 0
	for i := range o.unseen {
		switch e := &o.unseen[i]; {
		case e.due.After(o.now) && !e.due.After(at):
			arrived++
		default:
			r.Unseen += e.weight(at)
		}
	}
	q := o.faulty(arrived)
	r.Unseen *= q
	for _, c := range o.repaired {
		r.Repaired += 0.5 / (c.observations(ahead) + 2)
	}
	r.Unknown = q * unknownClients(o.once, o.twice, (o.watched+ahead).Hours()/24, o.maxPeriod.Hours()/24)
	r.Total = r.Unseen + r.Repaired + r.Unknown
	return r
}

// faulty is q̂, the chance that a client of the app is wrong: the mean of a
// Beta distribution that knows of those that have come, and starts with half
// a wrong client among eight.
func (o *outlook) faulty(arrived int) float64 {
	return (float64(o.failed) + 0.5) / (float64(o.seen+arrived) + 8)
}

// observations is how many there are after some more time, at the same pace.
func (r repair) observations(ahead time.Duration) float64 {
	k := float64(r.good)
	if r.over > 0 {
		k += k * ahead.Hours() / r.over.Hours()
	}
	return k
}

// unknownClients is Û, an estimate of the clients that exist, have not been
// seen in T days and will be in the next 35. It is the greater of Chao's
// estimate by incidence (Chao2), scaled to that time, and of the jobs of the
// longest period that must exist for one of them to have shown themselves.
// Counts are of days, not of requests: Good and Turing's estimate by requests
// says almost nothing of jobs beside clients that poll each second.
func unknownClients(once, twice int, t, maxPeriod float64) float64 {
	t = max(t, 1)
	q1, q2 := float64(once), float64(twice)
	chao := q1 * (q1 - 1) / (2 * (q2 + 1))
	jobs := q1 * max(0, maxPeriod-t) / t
	return max(jobs, chao*min(1, harmDays/t))
}

// holds reports whether an expected client that still exists, as far as
// anybody can tell, has not come by the given moment.
func (o *outlook) holds(at time.Time) bool {
	return slices.ContainsFunc(o.unseen, func(e expectation) bool {
		return e.weight(at) == 1 && (!e.due.After(o.now) || e.due.After(at))
	})
}

// outlook collects what is known of an app's clients.
func (g *gate) outlook(a *app) *outlook {
	o := &outlook{
		now: g.in.Now, unseen: g.expectations(a), watched: g.watched(a), maxPeriod: time.Duration(g.limits.MaxPeriod),
		seen: a.crowd.passing, once: a.crowd.once, twice: a.crowd.twice,
	}
	o.unseen = slices.DeleteFunc(o.unseen, func(e expectation) bool { return e.attested != nil })
	for who, c := range a.clients {
		if !a.known(who, c) || a.waiver(who.name) != nil {
			continue
		}
		entry := a.expected[who.name]
		if c.seen() {
			o.seen++
		}
		if c.fail > 0 {
			o.failed++
		}
		if good := c.goodSinceFailure(); c.fail > 0 && good >= g.limits.MinObservations { // else it blocks
			o.repaired = append(o.repaired, repair{good, g.in.Now.Sub(utc(c.lastFail))})
		}
		if entry == nil || entry.Cadence == 0 {
			o.count(daysSeen(c, entry, a.since))
		}
	}
	for name, entry := range a.expected {
		if entry.Cadence == 0 && a.client(name) == nil {
			o.count(entry.Days)
		}
	}
	// The sum must not depend on the order of a map.
	slices.SortFunc(o.repaired, func(a, b repair) int {
		return cmp.Or(cmp.Compare(a.good, b.good), cmp.Compare(a.over, b.over))
	})
	return o
}

func (o *outlook) count(days int) {
	switch days {
	case 1:
		o.once++
	case 2:
		o.twice++
	}
}

// daysSeen counts the days on which a client passed, in the history and since.
// Failures do not count: one more must never make the risk smaller.
func daysSeen(c *client, entry *schemas.InventoryClient, since time.Time) int {
	return withHistory(c.okHours.days(), entry, since)
}

// withHistory adds the days of the history to n since.
func withHistory(n int, entry *schemas.InventoryClient, since time.Time) int {
	switch {
	case entry == nil:
		return n
	case entry.Last.Before(since):
		return n + entry.Days
	default: // the history reaches into the time that counts
		return max(n, entry.Days)
	}
}

// watched is how long the app's clients have been looked at: the history of
// the inventory and the time that counts, less what they share.
func (g *gate) watched(a *app) time.Duration {
	window, history := g.in.Now.Sub(a.start), g.in.Inventory.History
	end := history.To
	if end.After(a.start) {
		end = a.start
	}
	return window + max(0, end.Sub(history.From))
}

// significant rounds to four digits. More would tell nothing, and the last
// ones of a sum differ between processors.
func significant(x float64) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 4, 64), 64)
	if err != nil || math.IsInf(x, 0) {
		return x
	}
	return rounded
}
