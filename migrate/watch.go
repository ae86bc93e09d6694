package migrate

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// A Watch looks at what is enforced, again and again, and says when to step
// back. It goes by verified identities alone: what anybody can claim must not
// be able to end a rollout.
type Watch struct {
	Policy    *schemas.Policy    // may be nil
	Inventory *schemas.Inventory // may be nil
	Batch     string             // watches what this batch enforces; everything if empty

	parsed   uint64 // lines at the last poll
	suspects map[suspectKey]*suspect
}

// A suspectKey is a client of an app, folded as Apollo does.
type suspectKey struct{ app, client string }

// A suspect is a verified client that was refused since its app is enforced.
type suspect struct {
	fails            uint64 // as of the last poll
	lastFail, lastOK int64  // Unix time in milliseconds
	firstOK          int64
	reason           schemas.Reason // of the last failure
	node             string         // the same
	polls            int            // in a row at which it was refused
	refused          bool           // at this poll
}

// A Poll is what a watch sees at one time.
type Poll struct {
	At       time.Time
	Subjects []string  // that are watched; none if nothing is enforced
	Since    time.Time // the last of them is enforced
	Passed   int       // verified clients that passed since
	Refused  int       // verified clients that passed before and are refused now
	Alerts   []Alert
}

// A watched app is enforced, since its first key is.
type watchedApp struct {
	name     string
	since    time.Time
	subjects []string
	batches  []string
}

// Poll looks at a rollout and the evidence of now. It counts polls in a row
// only where evidence has come in between.
func (w *Watch) Poll(now time.Time, rollout *schemas.Rollout, evidence *Evidence) (*Poll, error) {
	apps := w.apps(rollout.At(now))
	poll := &Poll{At: now}
	for _, a := range apps {
		poll.Subjects = append(poll.Subjects, a.subjects...)
		for _, name := range a.subjects {
			poll.Since = later(poll.Since, rollout.Subjects[name].Since)
		}
	}
	slices.Sort(poll.Subjects)
	found := failing(apps, evidence)
	poll.Passed = passes(apps, evidence, found)
	if evidence.failed != nil {
		return nil, evidence.failed
	}
	w.compare(found, evidence.Coverage.Parsed)
	for _, s := range found {
		if s.refused && s.knownGood() {
			poll.Refused++
		}
	}
	poll.Alerts = slices.Concat(w.sharedAlerts(apps, evidence), w.refusedAlerts(apps), w.claimedAlerts(apps, evidence), w.blindAlerts(now, rollout, evidence))
	return poll, nil
}

// apps lists what is enforced and watched, by folded name.
func (w *Watch) apps(rollout *schemas.Rollout) map[string]*watchedApp {
	apps := map[string]*watchedApp{}
	for _, name := range rollout.Names() {
		state := rollout.Subjects[name]
		if state.Mode != schemas.ModeEnforce {
			continue
		}
		app, id := appOf(name)
		a := apps[id]
		if a == nil {
			a = &watchedApp{name: app, since: state.Since}
			apps[id] = a
		}
		if state.Since.Before(a.since) {
			a.since = state.Since
		}
		if w.Batch == "" || state.Batch == w.Batch {
			a.subjects = append(a.subjects, name)
		}
		if state.Batch != "" && !slices.Contains(a.batches, state.Batch) {
			a.batches = append(a.batches, state.Batch)
		}
	}
	maps.DeleteFunc(apps, func(_ string, a *watchedApp) bool { return len(a.subjects) == 0 })
	return apps
}

// failing finds the verified clients with a failure since their app is enforced.
func failing(apps map[string]*watchedApp, evidence *Evidence) map[suspectKey]*suspect {
	found := map[suspectKey]*suspect{}
	for key, tally := range evidence.Tallies {
		_, id := appOf(key.Subject)
		a := apps[id]
		if a == nil || key.How != schemas.HowVerified || key.Outcome != schemas.OutcomeFail ||
			key.Client == schemas.OverflowClient || tally.LastMS < a.since.UnixMilli() {
			continue
		}
		who := suspectKey{id, key.Client}
		s := found[who]
		if s == nil {
			s = &suspect{}
			found[who] = s
		}
		s.fails = schemas.SumCounts(s.fails, tally.Count)
		if tally.LastMS > s.lastFail {
			s.lastFail, s.reason, s.node = tally.LastMS, key.Reason, key.Node
		}
	}
	return found
}

// passes notes when those clients passed, and counts all verified clients that
// did since their app is enforced. Tallies come client by client.
func passes(apps map[string]*watchedApp, evidence *Evidence, found map[suspectKey]*suspect) int {
	passed := 0
	var last suspectKey
	for key, tally := range evidence.Tallies {
		_, id := appOf(key.Subject)
		a := apps[id]
		if a == nil || key.How != schemas.HowVerified || key.Outcome != schemas.OutcomeOK {
			continue
		}
		who := suspectKey{id, key.Client}
		if who != last && tally.LastMS >= a.since.UnixMilli() {
			passed++
			last = who
		}
		if s := found[who]; s != nil {
			s.lastOK = max(s.lastOK, tally.LastMS)
			if s.firstOK == 0 || tally.FirstMS < s.firstOK {
				s.firstOK = tally.FirstMS
			}
		}
	}
	return passed
}

// knownGood reports whether the client passed before it was refused.
func (s *suspect) knownGood() bool { return s.firstOK > 0 && s.firstOK < s.lastFail }

// compare says who is refused at this poll: whoever failed last, or anew since
// the poll before.
func (w *Watch) compare(found map[suspectKey]*suspect, parsed uint64) {
	news := parsed != w.parsed
	for who, s := range found {
		before := w.suspects[who]
		if before == nil {
			before = &suspect{}
		}
		s.refused = s.lastFail > s.lastOK || s.fails > before.fails
		switch {
		case !news:
			s.polls, s.refused = before.polls, before.refused
		case s.refused:
			s.polls = before.polls + 1
		}
	}
	w.suspects, w.parsed = found, parsed
}

// sorted lists the suspects in order, so that reports do not depend on chance.
func (w *Watch) sorted() []suspectKey {
	return slices.SortedFunc(maps.Keys(w.suspects), func(a, b suspectKey) int {
		return cmp.Or(strings.Compare(a.app, b.app), strings.Compare(a.client, b.client))
	})
}
