package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A JournalAction says what a journal entry records.
type JournalAction string

// The actions.
const (
	ActionApply     JournalAction = "apply"     // a batch of a plan
	ActionRollback  JournalAction = "rollback"  // a step back
	ActionAdopted   JournalAction = "adopted"   // the rollout file was edited by hand before
	ActionAbandoned JournalAction = "abandoned" // the rollout file does not show the entry before
	ActionSegment   JournalAction = "segment"   // the journal was lost or broken; a new chain starts
	ActionDrill     JournalAction = "drill"     // a rollback was rehearsed; nothing has changed
)

// A JournalEntry is one line of a journal, written before what it records is
// done. Each entry carries the hash of the one before it.
type JournalEntry struct {
	Seq     uint64        `json:"seq"` // counts from 1 in a segment
	Time    time.Time     `json:"time"`
	Who     string        `json:"who"`
	Action  JournalAction `json:"action"`
	Reason  string        `json:"reason,omitempty"`
	Plan    string        `json:"plan,omitempty"`
	Batch   string        `json:"batch,omitempty"`
	Changes []Change      `json:"changes,omitempty"`
	Before  string        `json:"before"` // digest of the rollout, see [Rollout.Digest]
	After   string        `json:"after"`
	Prev    string        `json:"prev"` // hash of the entry before, empty in the first
	Hash    string        `json:"hash"`
}

// A Change is one subject before and after; nil where it was or is not listed.
type Change struct {
	Subject string          `json:"subject"`
	Before  *RolloutSubject `json:"before"`
	After   *RolloutSubject `json:"after"`

	// Stored is the key as Apollo had it before, nil if Apollo was not asked
	// or had no such key.
	Stored *StoredKey `json:"stored,omitempty"`
}

// Seal sets the entry's hash over all its other fields. It refuses an entry
// whose line [ParseJournalEntry] would not take: text that is not UTF-8 is
// changed by JSON, so that its hash would break the chain for good.
func (e *JournalEntry) Seal() error {
	hash, err := e.digest()
	if err != nil {
		return err
	}
	sealed := *e
	sealed.Hash = hash
	line, err := sealed.Line()
	if err != nil {
		return err
	}
	if _, err := ParseJournalEntry(line); err != nil {
		return errors.New("a text in this journal entry is not UTF-8")
	}
	e.Hash = hash
	return nil
}

func (e *JournalEntry) digest() (string, error) {
	bare := *e
	bare.Hash = ""
	text, err := json.Marshal(&bare)
	if err != nil {
		return "", fmt.Errorf("encode journal entry: %w", err)
	}
	return Digest(text), nil
}

// Line encodes a sealed entry as one line of a journal, newline included.
func (e *JournalEntry) Line() ([]byte, error) {
	line, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode journal entry: %w", err)
	}
	return append(line, '\n'), nil
}

// ParseJournalEntry reads one line of a journal and checks its hash.
func ParseJournalEntry(line []byte) (*JournalEntry, error) {
	e := &JournalEntry{}
	if err := decodeLine(line, e); err != nil {
		return nil, fmt.Errorf("not a journal entry: %w", err)
	}
	hash, err := e.digest()
	if err != nil {
		return nil, err
	}
	if hash != e.Hash {
		return nil, errors.New("the hash of this journal entry does not fit its content")
	}
	return e, nil
}
