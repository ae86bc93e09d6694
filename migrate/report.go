package migrate

import (
	"maps"
	"slices"
	"time"

	"lockstep/schemas"
)

// The bounds of a report. Names come from the network, so whoever calls
// decides how many there are; what is left out is counted.
const (
	maxApps    = 20
	maxRows    = 30  // clients of a heat map
	maxEntries = 100 // changes of a timeline, the last ones
	maxNodes   = 50
	maxHealth  = 7 * 24 // hours
)

// A Report is what a person wants to see of a rollout before the next step,
// ready to be drawn: numbers and names, no positions.
type Report struct {
	Status      *Status
	Window      Window // of the evidence
	Apps        []AppReport
	AppsLeftOut int
	Causes      []Cause
	Timeline    Timeline
	Health      Health
}

// An AppReport is about one app, whose keys are judged together. Those that
// need a person come first.
type AppReport struct {
	App      string
	State    State
	Subjects []schemas.SubjectVerdict // that have a next step
	Heat     Heat
	Coverage Coverages           // empty unless a key is observed
	Evidence []EvidencePoint     // the same
	Risk     *schemas.Risk       // nil if nothing is to be reckoned yet
	Causes   []Cause             // of its failures
	Limits   *schemas.GateLimits // what the tier demands
}

// Report draws up what the plan says and what it was made from.
func (v *View) Report() *Report {
	r := &Report{
		Status: v.Status(), Window: v.in.Evidence.Window,
		Causes:   causesOf(slices.Concat(slices.Collect(maps.Values(v.apps))...)),
		Timeline: newTimeline(v.in, v.history), Health: v.health(),
	}
	for _, id := range slices.Sorted(maps.Keys(v.apps)) {
		r.Apps = append(r.Apps, v.newAppReport(id))
	}
	slices.SortStableFunc(r.Apps, func(a, b AppReport) int { return distance(b.State) - distance(a.State) })
	r.AppsLeftOut = max(0, len(r.Apps)-maxApps)
	r.Apps = r.Apps[:min(len(r.Apps), maxApps)]
	for i := range r.Apps { // only of those shown, as this takes time
		r.Apps[i].addGate(v.gate)
	}
	return r
}

func (v *View) newAppReport(id string) AppReport {
	a := AppReport{App: v.gate.apps[id].name, State: StateDone, Causes: causesOf(v.apps[id])}
	listed := map[clientKey]Standing{}
	unseen := map[string]schemas.UnseenClient{}
	for _, verdict := range verdictsOf(v.plan, id) {
		a.Subjects = append(a.Subjects, *verdict)
		if state := stateOf(verdict.Verdict); distance(state) > distance(a.State) {
			a.State = state
		}
		maps.Copy(listed, standings(verdict))
		for _, u := range verdict.Unseen {
			unseen[u.Client] = u
		}
	}
	a.Heat = newHeat(v.in.Now, v.apps[id], listed, unseen)
	return a
}

// A Timeline is who changed what and when: the entries of the journal, and
// what they made of each subject.
type Timeline struct {
	Entries        []schemas.JournalEntry // the last ones
	EntriesLeftOut int
	From, To       time.Time
	Lanes          []Lane // by subject
	LanesLeftOut   int
}

// A Lane is the modes of one subject over time.
type Lane struct {
	Subject   string
	Stretches []Stretch
}

// A Stretch is the time that a subject spent in a mode. What was before the
// journal is not known.
type Stretch struct {
	Mode     schemas.Mode
	From, To time.Time
}

func newTimeline(in *Input, history History) Timeline {
	t := Timeline{To: in.Now.UTC()}
	t.EntriesLeftOut = max(0, len(history.Entries)-maxEntries)
	t.Entries = history.Entries[t.EntriesLeftOut:]
	names := in.Rollout.Names()
	t.LanesLeftOut = max(0, len(names)-maxRows)
	for _, name := range names[:len(names)-t.LanesLeftOut] {
		t.Lanes = append(t.Lanes, Lane{Subject: name, Stretches: stretches(in, history, name)})
	}
	t.From = t.To.Add(-days)
	for _, lane := range t.Lanes {
		for _, s := range lane.Stretches {
			if s.From.Before(t.From) {
				t.From = s.From
			}
		}
	}
	return t
}

// stretches follows a subject through the journal, up to what the rollout file
// says now.
func stretches(in *Input, history History, name string) []Stretch {
	var all []Stretch
	enter := func(mode schemas.Mode, at time.Time) {
		at = at.UTC()
		if n := len(all); n > 0 {
			if all[n-1].Mode == mode {
				return
			}
			all[n-1].To = later(all[n-1].From, at)
		}
		all = append(all, Stretch{Mode: mode, From: at})
	}
	for _, e := range history.Entries {
		for _, c := range e.Changes {
			if c.Subject == name && c.After != nil {
				at := c.After.Since
				if n := len(all); n > 0 && at.Before(all[n-1].From) { // it went back to what was before
					at = e.Time
				}
				enter(c.After.Mode, at)
			}
		}
	}
	now := in.Rollout.Subjects[name]
	enter(now.Mode, now.Since)
	last := &all[len(all)-1]
	last.To = later(last.From, in.Now.UTC())
	return all
}
