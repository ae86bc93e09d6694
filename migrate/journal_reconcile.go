package migrate

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"lockstep/schemas"
)

// reconcile returns the entries that must come first for the journal to end
// where the rollout file is. The error says that the two do not belong
// together, or that one of them was lost.
func (j *Journal) reconcile(r *schemas.Rollout) ([]schemas.JournalEntry, error) {
	if err := j.checkRef(r.Journal); err != nil {
		return nil, err
	}
	last, digest, ref := j.last(), r.Digest(), r.Journal
	switch {
	case len(j.Entries) == 0:
		return []schemas.JournalEntry{adopted(nil, r, "")}, nil
	case last.After == digest:
		return nil, nil
	case ref.Seq < last.Seq && last.Before == digest && isAct(last.Action):
		return []schemas.JournalEntry{abandoned(last)}, nil
	case ref.Seq == 0 && !j.knows(digest):
		return nil, errors.New("the journal is not of this rollout file")
	default:
		return []schemas.JournalEntry{adopted(j.state(), r, last.After)}, nil
	}
}

// checkRef makes sure that the entry that a rollout file names is there.
func (j *Journal) checkRef(ref schemas.JournalRef) error {
	switch last := j.last(); {
	case ref.Seq > last.Seq:
		return fmt.Errorf("the journal ends at entry %d, the rollout file is at entry %d", last.Seq, ref.Seq)
	case ref.Seq > 0 && j.Entries[ref.Seq-1].Hash != ref.Head:
		return fmt.Errorf("entry %d of the journal is not the one that the rollout file names", ref.Seq)
	}
	return nil
}

// knows reports whether the rollout was in this state before: one that names no
// entry and was, is of a time before the journal, as after a git revert.
func (j *Journal) knows(digest string) bool {
	return slices.ContainsFunc(j.Entries, func(e schemas.JournalEntry) bool { return e.Before == digest || e.After == digest })
}

// VerifyWith compares the journal with the rollout file beside it, which shows
// what no chain can by itself: that its end was cut off, or that it is another
// one. After the entry that the file names there may only be what a crash, or
// a file that could not be written, has kept from it. A hand edit of the
// subjects is no fault, as it is adopted by the next step.
func (j *Journal) VerifyWith(r *schemas.Rollout) error {
	if err := j.checkRef(r.Journal); err != nil {
		return fmt.Errorf("%s: %w", j.path, err)
	}
	last, digest := j.last(), r.Digest()
	pending := last.After == digest || (last.Before == digest && isAct(last.Action))
	if r.Journal.Seq < last.Seq && !pending {
		return schemas.Hint(fmt.Errorf("%s: the journal ends at entry %d, the rollout file is at entry %d, in neither the state before nor after",
			j.path, last.Seq, r.Journal.Seq), "find out who put an older rollout file in place; the next apply or rollback adopts it")
	}
	return nil
}

// isAct reports whether an entry announces a change of the rollout file, as
// opposed to noting how it was found.
func isAct(action schemas.JournalAction) bool {
	return action == schemas.ActionApply || action == schemas.ActionRollback
}

// adopted records what was found in a rollout file beyond what the journal
// knows: a hand edit, or, at the beginning, everything.
func adopted(known map[string]schemas.RolloutSubject, r *schemas.Rollout, before string) schemas.JournalEntry {
	return schemas.JournalEntry{
		Action: schemas.ActionAdopted, Before: before, After: r.Digest(),
		Changes: differences(known, r.Subjects),
	}
}

// abandoned takes back an entry that the rollout file does not show: a crash
// kept it from being carried out, or somebody put the file before it back.
func abandoned(last schemas.JournalEntry) schemas.JournalEntry {
	e := schemas.JournalEntry{
		Action: schemas.ActionAbandoned, Before: last.After, After: last.Before,
		Reason: fmt.Sprintf("the rollout file does not show entry %d", last.Seq),
	}
	for _, c := range last.Changes {
		e.Changes = append(e.Changes, schemas.Change{Subject: c.Subject, Before: c.After, After: c.Before})
	}
	return e
}

// segment begins a new chain with the whole state, because of reason.
func segment(r *schemas.Rollout, reason error) schemas.JournalEntry {
	e := adopted(nil, r, "")
	e.Action, e.Reason = schemas.ActionSegment, reason.Error()
	return e
}

// differences lists how subjects changed, in order.
func differences(before, after map[string]schemas.RolloutSubject) []schemas.Change {
	names := slices.Concat(slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after)))
	slices.Sort(names)
	var changes []schemas.Change
	for _, name := range slices.Compact(names) {
		if c := (schemas.Change{Subject: name, Before: at(before, name), After: at(after, name)}); !sameState(c.Before, c.After) {
			changes = append(changes, c)
		}
	}
	return changes
}

// at returns the state of a subject, nil if it is not listed.
func at(subjects map[string]schemas.RolloutSubject, name string) *schemas.RolloutSubject {
	s, ok := subjects[name]
	if !ok {
		return nil
	}
	s.Since, s.Until = s.Since.UTC(), s.Until.UTC()
	return &s
}

func sameState(a, b *schemas.RolloutSubject) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Mode == b.Mode && a.Since.Equal(b.Since) && a.Secret == b.Secret && a.Batch == b.Batch &&
		a.Until.Equal(b.Until) && a.Then == b.Then && a.Share == b.Share
}
