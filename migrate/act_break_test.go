package migrate

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"lockstep/schemas"
)

// A crash between journal and rollout file does not make the plan stale, also
// where the batch is not its first.
func TestApplyGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	plan := s.plan()
	s.mustApply(plan, "observe-1")
	before := s.read()
	for range 2 {
		s.mustApply(plan, "enforce-1")
		writeFile(t, s.path, before)
	}
	s.mustApply(plan, "enforce-1")
	want := []schemas.JournalAction{
		schemas.ActionAdopted, schemas.ActionApply, schemas.ActionApply, schemas.ActionAbandoned,
		schemas.ActionApply, schemas.ActionAbandoned, schemas.ActionApply,
	}
	if got := s.actions(); !slices.Equal(got, want) || s.modes() != "enforce enforce observe" {
		t.Errorf("the journal records %v, want %v; modes %s", got, want, s.modes())
	}
	done := s.read()
	for _, batch := range []string{"observe-1", "enforce-1"} {
		result, err := s.apply(plan, batch)
		if err != nil || len(result.Entries) != 0 || s.read() != done {
			t.Errorf("%s again: %+v, error %v, want nothing done", batch, result, err)
		}
	}
	if _, err := s.rollback(RollbackOptions{All: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.apply(plan, "enforce-1"); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "stale") {
		t.Errorf("after a rollback: error %v, want it to be stale", err)
	}
}

// A lock that nobody can have stops an apply and never a rollback.
func TestRollbackWithoutALock(t *testing.T) {
	t.Parallel()
	s, _, _ := applied(t)
	lock := filepath.Join(filepath.Dir(s.path), "journal.lock")
	if err := errors.Join(os.Remove(lock), os.Symlink("none/lock", lock)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.apply(s.freshPlan("key/b/k1"), "next"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("apply: error %v, want %v", err, fs.ErrNotExist)
	}
	result, err := s.rollback(RollbackOptions{All: true})
	if err != nil || result.SetAside == "" || s.modes() != "observe observe observe" {
		t.Fatalf("rollback: %+v, error %v, modes %s", result, err, s.modes())
	}
	first := s.journal().Entries[0]
	if first.Action != schemas.ActionSegment || !strings.HasPrefix(first.Reason, "lock the journal: ") {
		t.Errorf("the journal begins with %+v, want a segment because of the lock", first)
	}
}

// A journal that is broken and cannot even be moved away, here as its new name
// would be too long, stops an apply and never a rollback.
func TestRollbackWithoutAJournal(t *testing.T) {
	t.Parallel()
	s, _, _ := applied(t)
	s.path = writeFile(t, filepath.Join(t.TempDir(), strings.Repeat("x", 235)+".yaml"), s.read())
	writeFile(t, journalPath(s.path), "?\n")
	plan := s.freshPlan("key/b/k1")
	if _, err := s.apply(plan, "next"); !errors.Is(err, ErrRefused) {
		t.Errorf("apply: error %v, want a refusal", err)
	}
	result, err := s.rollback(RollbackOptions{All: true})
	if err != nil || !errors.Is(result.Unrecorded, syscall.ENAMETOOLONG) || s.modes() != "observe observe observe" {
		t.Fatalf("%+v, error %v, modes %s, want a step back that is not recorded", result, err, s.modes())
	}
	if kept, err := os.ReadFile(journalPath(s.path)); err != nil || string(kept) != "?\n" {
		t.Errorf("the journal holds %q, error %v, want it as it was", kept, err)
	}
	if _, err := s.apply(s.freshPlan("key/b/k1"), "next"); !errors.Is(err, ErrRefused) {
		t.Errorf("apply: error %v, want a refusal", err)
	}
	if err := os.Remove(journalPath(s.path)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.rollback(RollbackOptions{All: true, To: schemas.ModeDisabled}); err != nil {
		t.Fatal(err)
	}
	if j, err := JournalOf(s.path); err != nil || j.Entries[0].Action != schemas.ActionSegment || j.VerifyWith(s.rollout()) != nil {
		t.Errorf("error %v, want a new segment", err)
	}
}
