package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lockstep/schemas"
)

// journalPath is where the journal of a rollout file stands: beside it, as
// journal.jsonl. A rollout file that is not called rollout has its own name in
// front, as in eu.journal.jsonl for eu.yaml, so that several can share a
// directory.
func journalPath(rollout string) string {
	stem := strings.TrimSuffix(filepath.Base(rollout), filepath.Ext(rollout))
	name := "journal.jsonl"
	if stem != "rollout" {
		name = stem + "." + name
	}
	return filepath.Join(filepath.Dir(rollout), name)
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
// names the first line that does not fit.
func VerifyJournal(path string) (*Journal, error) {
	text, err := os.ReadFile(path)
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

// openJournal is VerifyJournal where there may be no journal yet.
func openJournal(path string) (*Journal, error) {
	j, err := VerifyJournal(path)
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

// write puts entries, which end the chain already, on the disk. What a crash
// cut short goes first. It returns once the bytes are durable, as what they
// announce is done next.
func (j *Journal) write(entries []schemas.JournalEntry) error {
	var text bytes.Buffer
	if j.open {
		text.WriteByte('\n')
	}
	for i := range entries {
		line, err := entries[i].Line()
		if err != nil {
			return fmt.Errorf("write journal: %w", err)
		}
		text.Write(line)
	}
	file, err := os.OpenFile(j.path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	err = appendAt(file, j.whole, text.Bytes())
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return syncDirectory(filepath.Dir(j.path))
}

func appendAt(file *os.File, size int64, text []byte) error {
	if err := file.Truncate(size); err != nil {
		return err //nolint:wrapcheck // the caller names the journal
	}
	if _, err := file.WriteAt(text, size); err != nil {
		return err //nolint:wrapcheck // the caller names the journal
	}
	return file.Sync() //nolint:wrapcheck // the caller names the journal
}

// syncDirectory makes the name of a new file durable.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err == nil {
		err = errors.Join(d.Sync(), d.Close())
	}
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}

// setAside renames the journal, so that a new one can begin, and returns the
// new name. There may be nothing to rename.
func (j *Journal) setAside(now time.Time) (string, error) {
	stem := strings.TrimSuffix(j.path, ".jsonl") + ".broken-" + now.UTC().Format("20060102T150405Z")
	name := stem + ".jsonl"
	for n := 2; exists(name); n++ {
		name = fmt.Sprintf("%s-%d.jsonl", stem, n)
	}
	err := os.Rename(j.path, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("set the broken journal aside: %w", err)
	}
	return name, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
