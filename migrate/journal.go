package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"lockstep/schemas"
)

// journalPath is where the journal of a rollout file stands: beside it, as
// journal.jsonl. A file that is not called rollout.yaml has its own name in
// front, as in eu.journal.jsonl for eu.yaml and eu.yml.journal.jsonl for
// eu.yml, so that no two in a directory share a journal.
func journalPath(rollout string) string {
	dir, base := filepath.Split(rollout)
	name := "journal.jsonl"
	if base != "rollout.yaml" {
		name = strings.TrimSuffix(base, ".yaml") + "." + name
	}
	return filepath.Join(dir, name)
}

// A Journal is the history of a rollout file: a chain of entries, each naming
// the hash of the one before it and the state of the rollout before and after.
type Journal struct {
	Entries []schemas.JournalEntry
	Torn    bool // the last line was cut short by a crash; it was never carried out

	path  string
	whole int64 // size in bytes of all entries
	open  bool  // the last entry has no line break
}

// VerifyJournal reads the journal at path and follows its chain. The error
// names the first line that does not fit; a journal without an entry is one,
// too. That its end is missing shows only beside its rollout file, see
// [Journal.VerifyWith].
func VerifyJournal(path string) (*Journal, error) {
	j, err := loadJournal(path)
	if err == nil && len(j.Entries) == 0 {
		err = fmt.Errorf("%s: there is no entry in it", path)
	}
	if err != nil {
		return nil, err
	}
	return j, nil
}

// loadJournal reads a journal that may still be empty.
func loadJournal(path string) (*Journal, error) {
	text, err := readRegular(path)
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	j := &Journal{path: path}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		entry, err := schemas.ParseJournalEntry(line)
		ended := bytes.HasSuffix(line, []byte("\n"))
		if err != nil && !ended {
			j.Torn = true
			return j, nil
		}
		if err == nil {
			err = j.check(entry)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, number, err)
		}
		j.Entries = append(j.Entries, *entry)
		j.whole += int64(len(line))
		j.open = !ended
	}
	return j, nil
}

// openJournal is loadJournal where there may be no journal yet.
func openJournal(path string) (*Journal, error) {
	j, err := loadJournal(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &Journal{path: path}, nil
	}
	return j, err
}

// check makes sure that an entry follows the ones before it.
func (j *Journal) check(e *schemas.JournalEntry) error {
	last := j.last()
	first := len(j.Entries) == 0
	switch {
	case e.Seq != last.Seq+1:
		return fmt.Errorf("entry %d follows entry %d", e.Seq, last.Seq)
	case e.Prev != last.Hash:
		return errors.New("this entry does not name the hash of the one before it")
	case !first && e.Before != last.After:
		return errors.New("this entry does not begin where the one before it ended")
	case first && e.Action != schemas.ActionAdopted && e.Action != schemas.ActionSegment:
		return errors.New("the beginning of this journal is missing")
	}
	return nil
}

// last is the last entry; zero if there is none.
func (j *Journal) last() schemas.JournalEntry {
	if len(j.Entries) == 0 {
		return schemas.JournalEntry{}
	}
	return j.Entries[len(j.Entries)-1]
}

// add links an entry to the chain, in memory.
func (j *Journal) add(e schemas.JournalEntry) error {
	last := j.last()
	e.Seq, e.Prev = last.Seq+1, last.Hash
	if err := e.Seal(); err != nil {
		return fmt.Errorf("seal journal entry: %w", err)
	}
	j.Entries = append(j.Entries, e)
	return nil
}

// ref is what a rollout file that reflects the whole journal says of it.
func (j *Journal) ref() schemas.JournalRef {
	last := j.last()
	return schemas.JournalRef{Seq: last.Seq, Head: last.Hash}
}

// state is what the journal says of every subject.
func (j *Journal) state() map[string]schemas.RolloutSubject {
	state := map[string]schemas.RolloutSubject{}
	for _, e := range j.Entries {
		for _, change := range e.Changes {
			if change.After == nil {
				delete(state, change.Subject)
			} else {
				state[change.Subject] = *change.After
			}
		}
	}
	return state
}
