package lint_test

import (
	"testing"
	"time"

	"lockstep/lint"
	"lockstep/schemas"
)

// A pastEntry is a journal entry in a test: the mode that each subject comes
// to, in one app if it has none; an empty mode takes it out.
type pastEntry struct {
	action schemas.JournalAction
	day    int // of October 2026
	modes  map[string]schemas.Mode
}

// journalFrom writes entries as migrate does, with the state before each.
func journalFrom(entries ...pastEntry) []schemas.JournalEntry {
	state := map[string]*schemas.RolloutSubject{}
	var journal []schemas.JournalEntry
	for i, e := range entries {
		entry := schemas.JournalEntry{Seq: uint64(i + 1), Action: e.action, Time: time.Date(2026, 10, e.day, 0, 0, 0, 0, time.UTC)}
		for name, mode := range e.modes {
			c := schemas.Change{Subject: name, Before: state[name]}
			if mode != "" {
				c.After = &schemas.RolloutSubject{Mode: mode, Since: entry.Time}
			}
			state[name] = c.After
			entry.Changes = append(entry.Changes, c)
		}
		journal = append(journal, entry)
	}
	return journal
}

// actedJournal is beside the rollout files of K804 and K806: orders was set by
// hand, planned came by a plan after a week, and has had another key added by
// hand since, hasty came after three days, lost was there when a journal had
// to be begun anew, and watched is observed.
func actedJournal() []schemas.JournalEntry {
	return journalFrom(
		pastEntry{schemas.ActionSegment, 1, map[string]schemas.Mode{"key/lost/k1": "enforce", "key/planned/k1": "observe", "key/watched/k1": "observe"}},
		pastEntry{schemas.ActionAdopted, 5, map[string]schemas.Mode{"key/orders/k1": "enforce", "key/hasty/k1": "observe"}},
		pastEntry{schemas.ActionApply, 8, map[string]schemas.Mode{"key/hasty/k1": "enforce", "key/planned/k1": "enforce"}},
		pastEntry{schemas.ActionAdopted, 9, map[string]schemas.Mode{"key/planned/k2": "enforce"}},
	)
}

// TestEvidenceInJournal: what counts is how the app last came to be enforced.
func TestEvidenceInJournal(t *testing.T) {
	t.Parallel()
	one := func(action schemas.JournalAction, day int, mode schemas.Mode) pastEntry {
		return pastEntry{action, day, map[string]schemas.Mode{"key/orders/k1": mode}}
	}
	const source = "version: 1\nenvironment: pro\ntier: production\nsubjects:\n" +
		"  key/orders/k1: {mode: enforce, since: 2026-11-01T00:00:00Z, secret: env:K1}\n"
	start, planned := one(schemas.ActionAdopted, 1, "observe"), one(schemas.ActionApply, 8, "enforce")
	adopted, back := one(schemas.ActionAdopted, 8, "enforce"), one(schemas.ActionRollback, 9, "observe")
	for name, c := range map[string]struct {
		journal []pastEntry
		want    string
	}{
		"by a plan":                  {[]pastEntry{start, planned}, ""},
		"by a plan, too soon":        {[]pastEntry{start, one(schemas.ActionApply, 7, "enforce")}, "K806"},
		"by hand":                    {[]pastEntry{start, adopted}, "K804"},
		"by hand from the beginning": {[]pastEntry{one(schemas.ActionAdopted, 1, "enforce")}, "K804"},
		"by hand just now":           {[]pastEntry{start}, "K804"},
		"against the order":          {[]pastEntry{one(schemas.ActionAdopted, 1, "disabled")}, "K801"},
		"by hand, then by a plan":    {[]pastEntry{start, adopted, back, one(schemas.ActionApply, 16, "enforce")}, ""},
		"again, too soon":            {[]pastEntry{start, planned, back, one(schemas.ActionApply, 15, "enforce")}, "K806"},
		"by a plan, then by hand":    {[]pastEntry{start, planned, back, one(schemas.ActionAdopted, 16, "enforce")}, "K804"},
		"by hand, touched again":     {[]pastEntry{start, adopted, one(schemas.ActionApply, 20, "enforce")}, "K804"},
		"a step back was abandoned":  {[]pastEntry{start, planned, back, one(schemas.ActionAbandoned, 9, "enforce")}, ""},
		"a step was abandoned":       {[]pastEntry{start, planned, one(schemas.ActionAbandoned, 8, "observe")}, "K804"},
		"keys swapped by a hand edit": {[]pastEntry{
			{schemas.ActionAdopted, 1, map[string]schemas.Mode{"key/orders/k0": "observe"}},
			{schemas.ActionApply, 8, map[string]schemas.Mode{"key/orders/k0": "enforce"}},
			{schemas.ActionAdopted, 9, map[string]schemas.Mode{"key/orders/k0": "", "key/Orders/k1": "enforce"}},
		}, ""},
		"after a journal was lost": {[]pastEntry{one(schemas.ActionSegment, 1, "enforce")}, ""},
	} {
		report := checkRollout(t, lint.Input{Path: "r.yaml", Journal: journalFrom(c.journal...)}, []byte(source))
		for _, rule := range []string{"K801", "K804", "K806"} {
			if got := has(report, rule); got != (rule == c.want) {
				t.Errorf("%s: %s is %v, want %q: %+v", name, rule, got, c.want, report.Findings)
			}
		}
	}
}
