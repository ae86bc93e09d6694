package schemas_test

import (
	"testing"
	"testing/quick"
	"time"

	"lockstep/schemas"
)

// Whatever an entry says: it is refused when it is sealed, or its line reads
// back. One that did not would end its journal for good.
func TestSealedEntriesReadBack(t *testing.T) {
	t.Parallel()
	refused := 0
	readsBack := func(who, reason, batch, secret string, seq uint64, seconds int64, odd bool, texts [][]byte) bool {
		e := schemas.JournalEntry{
			Seq: seq, Time: time.Unix(seconds%(1<<33), 0), Who: who, Action: schemas.ActionRollback, Reason: reason, Batch: batch,
			Changes: []schemas.Change{{Subject: "key/a/k1", After: &schemas.RolloutSubject{Secret: schemas.SecretRef(secret)}}},
		}
		for _, text := range texts { // hardly any is UTF-8
			if odd {
				e.Changes = append(e.Changes, schemas.Change{Subject: string(text)})
			}
		}
		if err := e.Seal(); err != nil {
			refused++
			return e.Hash == ""
		}
		line, err := e.Line()
		if err != nil {
			return false
		}
		_, err = schemas.ParseJournalEntry(line)
		return err == nil
	}
	if err := quick.Check(readsBack, &quick.Config{MaxCount: 500}); err != nil {
		t.Error(err)
	}
	if refused == 0 || refused == 500 {
		t.Errorf("%d of 500 entries are refused, want some", refused)
	}
}

func TestSealRefusesWhatIsNotText(t *testing.T) {
	t.Parallel()
	subject := schemas.RolloutSubject{Secret: "file:a\xff"}
	for name, e := range map[string]schemas.JournalEntry{
		"reason":  {Reason: "pages\xff at night"},
		"who":     {Who: "\xc3"},
		"batch":   {Batch: "\xff"},
		"subject": {Changes: []schemas.Change{{Subject: "\xff"}}},
		"secret":  {Changes: []schemas.Change{{After: &subject}}},
	} {
		if err := e.Seal(); err == nil || err.Error() != "a text in this journal entry is not UTF-8" {
			t.Errorf("%s: error %v", name, err)
		}
	}
	whole := schemas.JournalEntry{Reason: "東京 \ufffd \\ufffd \u2028 <&>\x00"}
	if err := whole.Seal(); err != nil {
		t.Errorf("what is UTF-8 is refused: %v", err)
	}
}
