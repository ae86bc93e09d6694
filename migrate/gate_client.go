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
type client struct {
	ok, fail         uint64
	reasons          map[schemas.Reason]uint64
	okHours          hours
	lastOK, lastFail int64 // Unix time in milliseconds, 0 if never
	passedEver       bool  // also before the time that counts
}

// addClients sorts the tallies into the apps that observe. Apps that are not
// rolled out have no verdict.
func (g *gate) addClients() {
	for key, tally := range g.in.Evidence.Tallies {
		if _, id := appOf(key.Subject); g.apps[id] != nil && len(g.apps[id].observing) > 0 {
			g.apps[id].add(key, tally)
		}
	}
	for _, c := range g.in.Inventory.Clients {
		if _, id := appOf("key/" + c.App); g.apps[id] != nil {
			g.apps[id].expected[c.Client] = true
		}
	}
}

// add counts a tally from the hour of since on; its day can be told apart
// into hours, its count cannot.
func (a *app) add(key schemas.TallyKey, tally schemas.Tally) {
	a.latestMS = max(a.latestMS, tally.LastMS)
	who := clientKey{key.Client, key.How}
	c := a.clients[who]
	if c == nil {
		c = &client{reasons: map[schemas.Reason]uint64{}, okHours: hours{}}
		a.clients[who] = c
	}
	passed := key.Outcome == schemas.OutcomeOK
	c.passedEver = c.passedEver || passed
	if tally.LastMS < a.since.UnixMilli() {
		return
	}
	if !passed {
		c.fail = schemas.SumCounts(c.fail, tally.Count)
		c.reasons[key.Reason] = schemas.SumCounts(c.reasons[key.Reason], tally.Count)
		c.lastFail = max(c.lastFail, tally.LastMS)
		return
	}
	day := tally.FirstMS / dayMS
	c.ok = schemas.SumCounts(c.ok, tally.Count)
	c.okHours.addDay(day, tally.Hours&maskFrom(day, a.since.UnixMilli()/hourMS))
	c.lastOK = max(c.lastOK, tally.LastMS)
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
	var lastVerified int64
	var passed bool
	for _, who := range slices.SortedFunc(maps.Keys(a.clients), clientKey.compare) {
		c := a.clients[who]
		if !c.seen() {
			continue
		}
		v.Clients++
		passed = passed || c.ok > 0
		if who.how == schemas.HowVerified {
			lastVerified = max(lastVerified, c.lastFail)
		}
		g.place(a, who, c, v)
	}
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
	return append(findings, g.waitFindings(a, lastVerified)...)
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
// blocks, or anybody could stop a rollout; a verified one blocks.
func (g *gate) place(a *app, who clientKey, c *client, v *schemas.SubjectVerdict) {
	known := a.expected[who.name] || c.passedEver
	switch {
	case c.fail == 0:
	case known && c.goodSinceFailure() >= g.limits.MinObservations:
	case known || who.how == schemas.HowVerified:
		v.Blocking = append(v.Blocking, c.evidence(who))
	default:
		v.Strangers = append(v.Strangers, c.evidence(who))
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

// waitFindings name expected clients that have not come, and the time that
// must pass after a failure. Only verified failures reset that clock: a
// claimed one would let anybody hold a rollout up for ever.
func (g *gate) waitFindings(a *app, lastVerified int64) []finding {
	var findings []finding
	if unseen := a.unseen(); len(unseen) > 0 {
		findings = append(findings, finding{
			verdict: schemas.VerdictWait,
			reason:  fmt.Sprintf("%s not come since %s: %s", plural(len(unseen), "expected client has", "expected clients have"), minute(a.since), some(unseen)),
		})
	}
	cleanFor := time.Duration(g.limits.CleanFor)
	if ready := utc(lastVerified).Add(cleanFor); lastVerified > 0 && g.in.Now.Before(ready) {
		findings = append(findings, finding{
			verdict: schemas.VerdictWait, ready: ready,
			reason: fmt.Sprintf("the last failure of a verified client was at %s, less than %s ago", minute(utc(lastVerified)), g.limits.CleanFor),
		})
	}
	return findings
}

// unseen lists the expected clients that have not come, however known.
func (a *app) unseen() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(a.expected)) {
		verified, claimed := a.clients[clientKey{name, schemas.HowVerified}], a.clients[clientKey{name, schemas.HowClaimed}]
		if (verified == nil || !verified.seen()) && (claimed == nil || !claimed.seen()) {
			names = append(names, printable(name))
		}
	}
	return names
}
