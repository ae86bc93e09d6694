package migrate

import (
	"maps"
	"slices"
	"time"

	"lockstep/schemas"
)

// Logs that tell of failures only have no pass in them, and no or incomplete
// data is never a pass. What takes its place are the rows that Apollo writes of
// its own for every instance that has loaded its configuration: one that was
// renewed while the logs are complete, and whose address has left no failure,
// has passed the check. That is claimed, as the address is.

// rawApp is the app to which Apollo before 2.5.2 ascribed /configfiles/raw/<app>.
const rawApp = "raw"

// A rawTaker gives the failures of that app to all apps that expect the
// client: one of them was called.
type rawTaker struct{ g *gate }

// add implements [taker].
func (r rawTaker) add(key schemas.TallyKey, tally schemas.Tally) {
	for id, a := range r.g.apps {
		if id != rawApp && len(a.observing) > 0 && a.expected[key.Client] != nil {
			a.add(key, tally)
		}
	}
}

// addRefreshed adds a pass for each row of the inventory that stands for one.
func (g *gate) addRefreshed() {
	if !g.in.Evidence.FailuresOnly {
		return
	}
	for _, a := range g.apps {
		if len(a.observing) == 0 {
			continue
		}
		from := g.completeFrom(a)
		for _, name := range slices.Sorted(maps.Keys(a.expected)) {
			if last := a.expected[name].Last; !last.Before(from) && !last.After(g.in.Now) {
				g.refreshed(a, name, last)
			}
		}
	}
}

// completeFrom is since when the logs of all nodes tell what has failed. Holes
// from then on, and a node that is silent now, have findings of their own.
func (g *gate) completeFrom(a *app) time.Time {
	from := g.judgedFrom(a.since)
	for _, n := range g.nodes {
		from = later(from, n.First)
	}
	return from
}

// refreshed adds the passes of a client whose row was renewed at a moment. One
// that failed before has to stay away from the logs: each whole day since its
// last failure is an observation, up to as many as are needed, as Apollo renews
// a row about once a day, and a client that polls would have left a line each
// minute.
func (g *gate) refreshed(a *app, name string, last time.Time) {
	passes := 1
	if c := a.clientOf(clientKey{name, schemas.HowClaimed}); c.fail > 0 {
		passes = min(int(last.Sub(utc(c.lastFail))/days), g.limits.MinObservations)
	}
	for i := range passes {
		at := last.Add(-time.Duration(i) * days).UTC()
		row := tallyRow{TallyKey: schemas.TallyKey{
			Environment: g.in.Rollout.Environment, Subject: "key/" + a.name, Client: name, How: schemas.HowClaimed,
			Outcome: schemas.OutcomeOK, Day: at.Format(time.DateOnly),
		}}
		row.Add(at.UnixMilli())
		a.add(row.TallyKey, row.Tally)
		g.renewed = append(g.renewed, row)
	}
}

// refreshFindings make sure that failures can be told apart by address. Behind
// a proxy that Apollo takes for the client a whole fleet may fail, and every
// row of it would look clean.
func (g *gate) refreshFindings(a *app, v *schemas.SubjectVerdict) []finding {
	if !g.in.Evidence.FailuresOnly {
		return nil
	}
	findings := g.checkFindings(a)
	if v.StrangerCount == 0 {
		return findings
	}
	var names []string
	for _, c := range v.Strangers {
		names = append(names, printable(c.Client))
	}
	slices.Sort(names)
	return append(findings, inconclusive("%s and in no inventory, and would hide whoever is behind it if it is a proxy: %s",
		plural(v.StrangerCount, "address fails", "addresses fail"), someOf(names, v.StrangerCount)))
}

// checkFindings make sure that every node checks the keys of an app at all: of
// an app that it does not observe no failure is logged either. A single failure
// since the mode was set is enough, of anybody, and apply's probes leave one.
func (g *gate) checkFindings(a *app) []finding {
	var findings []finding
	for _, n := range g.nodes {
		if n.Last.IsZero() || g.tellsModes(n) {
			continue
		}
		if utc(a.checkedBy[n.Name]).Before(a.since.Add(-clockSkew)) {
			findings = append(findings, inconclusive("nothing shows that node %s checks app %s: no failure since %s, not even of a probe",
				printable(n.Name), printable(a.name), minute(a.since)))
		}
	}
	return findings
}

// tellsModes reports whether a node says what it has loaded. Apollo does not:
// there every node was asked when the mode was set.
func (g *gate) tellsModes(n Node) bool {
	target := g.in.Policy.Environments[g.in.Rollout.Environment].Apollo
	return !g.in.Evidence.FailuresOnly || target == nil || len(n.Subjects) > 0
}
