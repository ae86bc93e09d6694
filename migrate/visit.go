package migrate

import (
	"cmp"
	"maps"
	"slices"

	"lockstep/schemas"
)

// A visitor is what was seen of one client of an app, day by day, whatever
// the gate makes of it.
type visitor struct {
	clientKey
	visits           map[int64]*visit // by day since 1970
	reasons          map[schemas.Reason]uint64
	ok, fail         uint64
	first            int64 // Unix time in milliseconds
	lastOK, lastFail int64 // the same, 0 if never
}

// A visit is a day of a client.
type visit struct {
	ok, fail uint64
	reasons  map[schemas.Reason]uint64
}

func (v *visitor) add(key schemas.TallyKey, tally schemas.Tally) {
	day := tally.FirstMS / dayMS
	if v.visits[day] == nil {
		v.visits[day] = &visit{reasons: map[schemas.Reason]uint64{}}
	}
	on := v.visits[day]
	if v.first == 0 || tally.FirstMS < v.first {
		v.first = tally.FirstMS
	}
	if key.Outcome == schemas.OutcomeOK {
		v.ok, on.ok = schemas.SumCounts(v.ok, tally.Count), schemas.SumCounts(on.ok, tally.Count)
		v.lastOK = max(v.lastOK, tally.LastMS)
		return
	}
	v.fail, on.fail = schemas.SumCounts(v.fail, tally.Count), schemas.SumCounts(on.fail, tally.Count)
	v.reasons[key.Reason] = schemas.SumCounts(v.reasons[key.Reason], tally.Count)
	on.reasons[key.Reason] = schemas.SumCounts(on.reasons[key.Reason], tally.Count)
	v.lastFail = max(v.lastFail, tally.LastMS)
}

// visitorsOf sorts what was seen into the apps of the rollout, and what rows of
// the inventory stand for, by the id of the app and in order of the clients'
// names.
func visitorsOf(in *Input, renewed []tallyRow) map[string][]*visitor {
	apps := map[string]map[clientKey]*visitor{}
	for _, name := range in.Rollout.Names() {
		_, id := appOf(name)
		apps[id] = map[clientKey]*visitor{}
	}
	ids := map[string]string{} // by subject, as there are few of those and many tallies
	add := func(key schemas.TallyKey, tally schemas.Tally) bool {
		id, known := ids[key.Subject]
		if !known {
			_, id = appOf(key.Subject)
			ids[key.Subject] = id
		}
		if clients := apps[id]; clients != nil && key.Client != ProbeClient {
			who := clientKey{key.Client, key.How}
			if clients[who] == nil {
				clients[who] = &visitor{clientKey: who, visits: map[int64]*visit{}, reasons: map[schemas.Reason]uint64{}}
			}
			clients[who].add(key, tally)
		}
		return true
	}
	in.Evidence.Tallies(add)
	for _, row := range renewed {
		add(row.TallyKey, row.Tally)
	}
	sorted := map[string][]*visitor{}
	for id, clients := range apps {
		sorted[id] = slices.SortedFunc(maps.Values(clients), func(a, b *visitor) int { return a.compare(b.clientKey) })
	}
	return sorted
}

// A Standing is what a client means to the next step of its app.
type Standing string

// The standings, those first that a person should look at first.
const (
	StandingBlocks   Standing = "blocks"       // would be refused, and must not be
	StandingFails    Standing = "fails"        // its last request, which no gate judges
	StandingUnseen   Standing = "has not come" // and is expected
	StandingRepaired Standing = "repaired"     // has failed, and passes since
	StandingAccepted Standing = "accepted"     // would be refused, which somebody accepts
	StandingPasses   Standing = "passes"
	StandingStranger Standing = "stranger" // would be refused; nobody knows it
)

func (s Standing) compare(other Standing) int { return cmp.Compare(s.rank(), other.rank()) }

// rank puts strangers last: anybody can make any number of them, and they must
// not push the others out of a list.
func (s Standing) rank() int { return slices.Index(standingOrder(), s) }

func standingOrder() []Standing {
	return []Standing{
		StandingBlocks, StandingFails, StandingUnseen, StandingRepaired, StandingAccepted, StandingPasses, StandingStranger,
	}
}

// standings tells the clients apart that a verdict lists. All others pass, or
// are repaired if they ever failed.
func standings(v *schemas.SubjectVerdict) map[clientKey]Standing {
	listed := map[clientKey]Standing{}
	for standing, clients := range map[Standing][]schemas.ClientEvidence{
		StandingBlocks: v.Blocking, StandingStranger: v.Strangers, StandingAccepted: v.Accepted,
	} {
		for _, c := range clients {
			listed[clientKey{c.Client, c.How}] = standing
		}
	}
	return listed
}

// standing is that of a client of an app with such verdicts.
func (v *visitor) standing(listed map[clientKey]Standing) Standing {
	switch standing, ok := listed[v.clientKey]; {
	case ok:
		return standing
	case v.fail == 0:
		return StandingPasses
	case v.ok == 0:
		return StandingStranger
	case v.lastFail > v.lastOK:
		return StandingFails
	default:
		return StandingRepaired
	}
}
