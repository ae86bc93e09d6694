package migrate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"lockstep/schemas"
)

// A clientKey identifies a client: the same name, verified and only claimed,
// is two clients, or anybody could pass or fail in the name of another.
type clientKey struct {
	name string
	how  schemas.How
}

func (k clientKey) compare(other clientKey) int {
	return cmp.Or(cmp.Compare(k.name, other.name), cmp.Compare(k.how, other.how))
}

// A client is what was seen of one caller of an app, under any of its keys.
// All but latest and passedEver is of the time that counts.
type client struct {
	ok, fail           uint64
	reasons            map[schemas.Reason]uint64
	okHours, failHours hours
	lastOK, lastFail   int64 // Unix time in milliseconds, 0 if never
	latest             int64 // the same, of any request whenever it was
	passedEver         bool
}

// addClients sorts the tallies into the apps that observe. Apps that are not
// rolled out have no verdict.
func (g *gate) addClients() {
	for _, id := range slices.Sorted(maps.Keys(g.apps)) {
		g.judged = append(g.judged, g.apps[id])
	}
	for _, id := range slices.Sorted(maps.Keys(g.leave)) {
		g.judged = append(g.judged, g.leave[id])
	}
	g.sortOut(func(yield func(tallyRow, *app) bool) {
		takers := map[string][]taker{} // by subject, as there are few of those and many tallies
		for row := range g.in.Evidence.rows() {
			takes, known := takers[row.Subject]
			if !known {
				takes = g.takers(row.Subject)
				takers[row.Subject] = takes
			}
			for _, t := range takes {
				if a, isApp := t.(*app); !isApp {
					t.add(row.TallyKey, row.Tally)
				} else if !yield(row, a) {
					return
				}
			}
		}
	})
}

// A taker wants to know of tallies.
type taker interface {
	add(key schemas.TallyKey, tally schemas.Tally)
}

// takers lists all that want the tallies of a subject.
func (g *gate) takers(subject string) []taker {
	if u := g.tls[subject]; u != nil {
		return []taker{u}
	}
	var takers []taker
	_, id := appOf(subject)
	if a := g.apps[id]; a != nil && len(a.observing) > 0 {
		takers = append(takers, a)
	}
	if a := g.leave[id]; a != nil {
		takers = append(takers, a)
	}
	if u := g.uses[id]; u != nil {
		takers = append(takers, u)
	}
	if id == rawApp && g.in.Evidence.FailuresOnly {
		takers = append(takers, rawTaker{g})
	}
	return takers
}

func (a *app) add(key schemas.TallyKey, tally schemas.Tally) {
	a.checkedBy[key.Node] = max(a.checkedBy[key.Node], tally.LastMS)
	if key.Client == ProbeClient {
		return
	}
	a.latestMS = max(a.latestMS, tally.LastMS)
	c := a.clientOf(clientKey{key.Client, key.How})
	passed := key.Outcome == schemas.OutcomeOK
	if a.retire != "" {
		if !passed {
			return // refused today, and tomorrow
		}
		if passed = a.remains(key.Subject); !passed {
			c.passedEver, key.Reason = true, schemas.ReasonSignature
		}
	}
	c.passedEver = c.passedEver || passed
	c.latest = max(c.latest, tally.LastMS)
	since := a.since.UnixMilli()
	if tally.LastMS < since {
		return
	}
	day := tally.FirstMS / dayMS
	a.days[day] = true
	mask := tally.Hours & maskFrom(day, since/hourMS)
	if passed {
		c.ok = schemas.SumCounts(c.ok, tally.Count)
		if c.okHours == nil {
			c.okHours = hours{}
		}
		c.okHours.addDay(day, mask)
		c.lastOK = max(c.lastOK, tally.LastMS)
		return
	}
	c.fail = schemas.SumCounts(c.fail, tally.Count)
	if c.failHours == nil {
		c.failHours, c.reasons = hours{}, map[schemas.Reason]uint64{}
	}
	c.reasons[key.Reason] = schemas.SumCounts(c.reasons[key.Reason], tally.Count)
	c.failHours.addDay(day, mask)
	c.lastFail = max(c.lastFail, tally.LastMS)
}

// clientOf returns what is known of a client so far.
func (a *app) clientOf(who clientKey) *client {
	if a.clients[who] == nil {
		a.clients[who] = &client{}
	}
	return a.clients[who]
}

// known tells the clients of an app from strangers.
func (a *app) known(who clientKey, c *client) bool {
	return a.expected[who.name] != nil || c.passedEver
}

// client returns what was seen of a client, however it is known, or nil.
func (a *app) client(name string) *client {
	if c := a.clients[clientKey{name, schemas.HowVerified}]; c != nil {
		return c
	}
	return a.clients[clientKey{name, schemas.HowClaimed}]
}

func (c *client) seen() bool { return c.ok > 0 || c.fail > 0 }

// goodSinceFailure counts the observations after the client's last failure:
// the hours with a pass that are later than the hour of the failure, and that
// hour itself if the last pass of all is in it and later than the failure.
func (c *client) goodSinceFailure() int {
	hour := c.lastFail / hourMS
	good := c.okHours.countFrom(hour + 1)
	if c.lastOK > c.lastFail && c.lastOK/hourMS == hour {
		good++
	}
	return good
}

// clientFindings judge the clients of an app and list those that would be
// refused.
func (g *gate) clientFindings(a *app, v *schemas.SubjectVerdict) []finding {
	passed := a.crowd.passing > 0
	v.Clients = a.crowd.passing + a.crowd.strangers.count + a.crowd.accepted.count
	strangers, accepted := a.crowd.strangers.clone(), a.crowd.accepted.clone()
	for _, who := range slices.SortedFunc(maps.Keys(a.clients), clientKey.compare) {
		c := a.clients[who]
		if !c.seen() {
			continue
		}
		v.Clients++
		passed = passed || c.ok > 0
		g.place(a, who, c, v, strangers, accepted)
	}
	v.Strangers, v.StrangerCount = strangers.list(), strangers.count
	v.Accepted, v.AcceptedCount = accepted.list(), accepted.count
	var findings []finding
	if len(v.Blocking) > 0 {
		findings = append(findings, blocked(v.Blocking))
	}
	if a.lost() {
		findings = append(findings, inconclusive("there were more clients than a node tells apart"))
	}
	if latest := utc(a.latestMS); latest.Sub(g.in.Now) >= clockSkew {
		findings = append(findings, inconclusive("a request is dated in the future, %s", minute(latest)))
	}
	if !passed { // failures alone say nothing of those that would pass
		findings = append(findings, inconclusive("no client has passed since %s", minute(a.since)))
	}
	return append(findings, g.cleanFindings(a)...)
}

// lost reports whether clients that pass are among those that could not be
// told apart: one that fails would be hidden among them. Without a pass in it,
// the overflow is one more stranger, which anybody can make.
func (a *app) lost() bool {
	for who, c := range a.clients {
		if who.name == schemas.OverflowClient && c.passedEver {
			return true
		}
	}
	return false
}

// place lists a client that would be refused. Whoever is expected or has ever
// passed blocks until its failure is repaired, by enough good observations
// after it. Of the others, whom nobody knows, a claimed one is listed and never
// blocks, or anybody could stop a rollout; a verified one blocks. A dated line
// of the inventory accepts either.
func (g *gate) place(a *app, who clientKey, c *client, v *schemas.SubjectVerdict, strangers, accepted *roll) {
	if c.fail == 0 {
		return
	}
	evidence := c.evidence(who)
	if d := g.accepted(a, who, c); d != nil {
		a.rely(d)
		evidence.AcceptedBy = d.By
		accepted.add(evidence)
		return
	}
	if who.how == schemas.HowVerified {
		a.lastVerified = max(a.lastVerified, c.lastFail)
	}
	known := a.known(who, c)
	switch {
	case known && c.goodSinceFailure() >= g.limits.MinObservations:
	case known || who.how == schemas.HowVerified:
		v.Blocking = append(v.Blocking, evidence)
	default:
		strangers.add(evidence)
	}
}

func (c *client) evidence(who clientKey) schemas.ClientEvidence {
	last := utc(max(c.lastOK, c.lastFail))
	return schemas.ClientEvidence{
		Client: who.name, How: who.how, OK: c.ok, Fail: c.fail, Reasons: c.reasons, Last: &last,
	}
}

func blocked(clients []schemas.ClientEvidence) finding {
	names := make([]string, len(clients))
	for i, c := range clients {
		names[i] = fmt.Sprintf("%s (%s, %s)", printable(c.Client), c.How, reasonText(c.Reasons))
	}
	return finding{
		verdict: schemas.VerdictBlocked,
		reason:  fmt.Sprintf("%s be refused: %s", plural(len(names), "client would", "clients would"), some(names)),
	}
}

// cleanFindings name the time that must pass after a failure. Only verified
// failures reset that clock: a claimed one would let anybody hold a rollout up
// for ever.
func (g *gate) cleanFindings(a *app) []finding {
	last := utc(a.lastVerified)
	ready := last.Add(time.Duration(g.limits.CleanFor))
	if last.IsZero() || !g.in.Now.Before(ready) {
		return nil
	}
	what := "the last failure of a verified client was at"
	if a.retire != "" {
		what = "a verified client used it last at"
	}
	return []finding{wait(ready, "%s %s, less than %s ago", what, minute(last), g.limits.CleanFor)}
}
