package lint

import (
	"slices"
	"time"

	"lockstep/schemas"
)

// A rolloutPast is what the journal says the rollout file held before it was
// edited by hand.
type rolloutPast struct {
	seq   uint64 // of the entry
	modes map[schemas.Subject]schemas.Mode
	used  map[string]bool        // apps, in lower case, that had a key beyond disabled at any time
	began map[string]enforcement // of each app, in lower case, that has ever been enforced
}

// An enforcement is how an app last came to be enforced.
type enforcement struct {
	seq      uint64 // of the entry
	action   schemas.JournalAction
	observed time.Duration // before, by the key that was observed longest; 0 if none was
}

// pastOf follows the journal up to the entry that the rollout file names, or
// to its end if it names none. It is nil for a journal of another file.
func pastOf(c *schemas.Checked, journal []schemas.JournalEntry) *rolloutPast {
	if seq, ok := c.Int("/journal/seq"); ok && seq > 0 {
		i := slices.IndexFunc(journal, func(e schemas.JournalEntry) bool {
			return e.Seq == uint64(seq) && e.Hash == textAt(c, "/journal/head")
		})
		journal = journal[:i+1]
	}
	if len(journal) == 0 {
		return nil
	}
	past := &rolloutPast{
		seq: journal[len(journal)-1].Seq, modes: map[schemas.Subject]schemas.Mode{}, used: map[string]bool{},
		began: map[string]enforcement{},
	}
	for _, e := range journal {
		past.record(e)
	}
	return past
}

// record takes in an entry. One that is abandoned was never carried out, so
// that what it leads back to began before.
func (past *rolloutPast) record(e schemas.JournalEntry) {
	before := past.enforcing()
	for _, change := range e.Changes {
		past.take(change)
	}
	for app := range past.enforcing() {
		if !before[app] && e.Action != schemas.ActionAbandoned {
			past.began[app] = enforcement{seq: e.Seq, action: e.Action, observed: longestObserved(e, app)}
		}
	}
}

// enforcing are the apps that are enforced, in lower case.
func (past *rolloutPast) enforcing() map[string]bool {
	apps := map[string]bool{}
	for subject, mode := range past.modes {
		if mode == schemas.ModeEnforce && subject.App != "" {
			apps[subject.App] = true
		}
	}
	return apps
}

// longestObserved is for how long the keys of an app were observed that an
// entry enforces.
func longestObserved(e schemas.JournalEntry, app string) (longest time.Duration) {
	for _, c := range e.Changes {
		subject, err := schemas.ParseSubject(c.Subject)
		if err != nil || subject.Fold().App != app || c.Before == nil || c.After == nil {
			continue
		}
		if c.Before.Mode == schemas.ModeObserve && c.After.Mode == schemas.ModeEnforce {
			longest = max(longest, e.Time.Sub(c.Before.Since))
		}
	}
	return longest
}

func (past *rolloutPast) take(c schemas.Change) {
	subject, err := schemas.ParseSubject(c.Subject)
	if err != nil {
		return
	}
	subject = subject.Fold()
	if c.After == nil {
		delete(past.modes, subject)
		return
	}
	past.modes[subject] = c.After.Mode
	past.used[subject.App] = past.used[subject.App] || c.After.Mode != schemas.ModeDisabled
}

// enforced yields each app that is enforced now with the key that decides
// that, and how the app came to be; the latter is zero if the journal does not
// know it as enforced. There is none without a journal.
func (p *Pass) enforced(yield func(rolloutKey, enforcement) bool) {
	if p.rollout == nil || p.rollout.last == nil {
		return
	}
	known := p.rollout.last.enforcing()
	for _, app := range p.rollout.apps() {
		k := strictest(app, p.now)
		if k.modeAt(p.now) != schemas.ModeEnforce {
			continue
		}
		var began enforcement
		if known[k.Fold().App] {
			began = p.rollout.last.began[k.Fold().App]
		}
		if !yield(k, began) {
			return
		}
	}
}
