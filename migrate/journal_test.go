package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// applied returns a site where both batches have been applied, and the files
// as they were before the second one.
func applied(t *testing.T) (s *site, rollout, journal string) {
	t.Helper()
	s = newSite(t)
	plan := s.plan()
	s.mustApply(plan, "observe-1")
	rollout = s.read()
	text, err := os.ReadFile(s.journalPath())
	if err != nil {
		t.Fatal(err)
	}
	s.mustApply(plan, "enforce-1")
	return s, rollout, string(text)
}

// freshPlan is a plan for the rollout as it is now, to enforce one subject.
func (s *site) freshPlan(subject string) *schemas.Plan {
	plan := s.plan()
	plan.ID = "ba9876543210"
	plan.Batches = []schemas.Batch{{ID: "next", Steps: []schemas.Step{{Subject: subject, From: schemas.ModeObserve, To: schemas.ModeEnforce}}}}
	return plan
}

// A crash after the journal was written and before the rollout file was: the
// next act says so and goes on.
func TestCrashBeforeTheRolloutIsWritten(t *testing.T) {
	t.Parallel()
	s, before, _ := applied(t)
	writeFile(t, s.path, before)
	for range 2 { // also if it crashes again
		s.mustApply(s.freshPlan("key/a/k1"), "next")
		if got := s.modes(); got != "enforce observe observe" {
			t.Fatalf("modes %s, want k1 enforced alone", got)
		}
		j := s.journal()
		last := j.Entries[len(j.Entries)-2:]
		if last[0].Action != schemas.ActionAbandoned || last[1].Action != schemas.ActionApply || s.rollout().Journal != j.ref() {
			t.Fatalf("the journal records %v, want the abandoned entry first", s.actions())
		}
		if state := j.state(); state["key/a/k2"].Mode != schemas.ModeObserve || state["key/a/k1"].Mode != schemas.ModeEnforce {
			t.Fatalf("the journal says %+v", state)
		}
		writeFile(t, s.path, before)
	}
}

// A crash while the journal was written: the torn line was never carried out.
func TestCrashWhileTheJournalIsWritten(t *testing.T) {
	t.Parallel()
	whole, before, journal := applied(t)
	text, err := os.ReadFile(whole.journalPath())
	if err != nil {
		t.Fatal(err)
	}
	for cut := len(journal) + 1; cut < len(text)-1; cut += 97 {
		s := &site{t: t, path: writeFile(t, filepath.Join(t.TempDir(), "rollout.yaml"), before), now: noon}
		writeFile(t, s.journalPath(), string(text[:cut]))
		if j := s.journal(); !j.Torn || len(j.Entries) != 2 {
			t.Fatalf("cut at %d: %d entries, torn %v, want two and a torn line", cut, len(j.Entries), j.Torn)
		}
		s.mustApply(s.freshPlan("key/a/k1"), "next")
		want := []schemas.JournalAction{schemas.ActionAdopted, schemas.ActionApply, schemas.ActionApply}
		if got := s.actions(); !slices.Equal(got, want) || s.journal().Torn {
			t.Fatalf("cut at %d: the journal records %v, want %v", cut, got, want)
		}
	}
	// An editor that took the last line break away did no harm.
	writeFile(t, whole.journalPath(), strings.TrimSuffix(string(text), "\n"))
	if _, err := whole.rollback(RollbackOptions{All: true}); err != nil || len(whole.journal().Entries) != 4 {
		t.Errorf("error %v, want the entry without a line break kept", err)
	}
}

// A crash between the very first entries and the rollout file.
func TestCrashAtTheBeginning(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustApply(s.plan(), "observe-1")
	text, err := os.ReadFile(s.journalPath())
	if err != nil {
		t.Fatal(err)
	}
	first := text[:bytes.IndexByte(text, '\n')+1]
	for name, test := range map[string]struct {
		journal []byte
		want    []schemas.JournalAction
	}{
		"one entry":   {first, []schemas.JournalAction{schemas.ActionAdopted, schemas.ActionApply}},
		"two entries": {text, []schemas.JournalAction{schemas.ActionAdopted, schemas.ActionApply, schemas.ActionAbandoned, schemas.ActionApply}},
	} {
		s := newSite(t)
		writeFile(t, s.journalPath(), string(test.journal))
		s.mustApply(s.plan(), "observe-1")
		if got := s.actions(); !slices.Equal(got, test.want) {
			t.Errorf("%s: the journal records %v, want %v", name, got, test.want)
		}
	}
}

// A hand edit is recorded with its changes, before the next step.
func TestHandEditIsAdopted(t *testing.T) {
	t.Parallel()
	s, _, _ := applied(t)
	edited := strings.Replace(s.read(), "    mode: observe\n    batch: observe-1\n", "    mode: disabled\n", 1)
	edited = strings.Replace(edited, "# the end", "  key/c/k1: {mode: observe, since: 2026-11-02T00:00:00+08:00, secret: env:C}", 1)
	writeFile(t, s.path, edited)
	s.mustApply(s.freshPlan("key/c/k1"), "next")
	j := s.journal()
	adopted := j.Entries[len(j.Entries)-2]
	if adopted.Action != schemas.ActionAdopted || len(adopted.Changes) != 2 {
		t.Fatalf("the journal records %+v, want two changes adopted", adopted)
	}
	b, c := adopted.Changes[0], adopted.Changes[1]
	if b.Subject != "key/b/k1" || b.Before.Mode != schemas.ModeObserve || b.After.Mode != schemas.ModeDisabled ||
		c.Subject != "key/c/k1" || c.Before != nil || c.After.Mode != schemas.ModeObserve {
		t.Errorf("changes %+v", adopted.Changes)
	}
	if state := j.state(); len(differences(state, s.rollout().Subjects)) != 0 {
		t.Errorf("the journal says %+v, the file %+v", state, s.rollout().Subjects)
	}
}

// A step that was carried out and then undone by hand was not abandoned.
func TestStepUndoneByHandIsAdopted(t *testing.T) {
	t.Parallel()
	s, before, _ := applied(t)
	reference := regexp.MustCompile(`(?m)^journal: .*$`)
	writeFile(t, s.path, reference.ReplaceAllLiteralString(before, reference.FindString(s.read())))
	if _, err := s.rollback(RollbackOptions{All: true, To: schemas.ModeDisabled}); err != nil {
		t.Fatal(err)
	}
	if got := s.actions(); len(got) != 5 || got[3] != schemas.ActionAdopted {
		t.Errorf("the journal records %v, want the fourth to be adopted", got)
	}
}

// After a git revert the journal must not state that a step was not carried
// out, as it was: only what the file shows.
func TestRevertedStep(t *testing.T) {
	t.Parallel()
	s, before, _ := applied(t)
	writeFile(t, s.path, before)
	if _, err := s.rollback(RollbackOptions{All: true, To: schemas.ModeDisabled}); err != nil {
		t.Fatal(err)
	}
	if e := s.journal().Entries[3]; e.Action != schemas.ActionAbandoned || e.Reason != "the rollout file does not show entry 3" {
		t.Errorf("the journal records %+v", e)
	}
}

// A file of the time before its journal is adopted, as it names no entry and
// yet is in a state that the journal knows.
func TestRevertToBeforeTheJournal(t *testing.T) {
	t.Parallel()
	s, _, _ := applied(t)
	writeFile(t, s.path, rolloutText)
	s.mustApply(s.freshPlan("key/a/k1"), "next")
	if got := s.actions(); len(got) != 5 || got[3] != schemas.ActionAdopted || s.modes() != "enforce observe disabled" {
		t.Errorf("the journal records %v, want the fourth to be adopted; modes %s", got, s.modes())
	}
}

// Comments and order are not state: nothing to adopt.
func TestCommentsAreNotAdopted(t *testing.T) {
	t.Parallel()
	s, _, _ := applied(t)
	writeFile(t, s.path, "# new comment\n"+s.read())
	if _, err := s.rollback(RollbackOptions{All: true}); err != nil {
		t.Fatal(err)
	}
	if got := s.actions(); len(got) != 4 || got[3] != schemas.ActionRollback {
		t.Errorf("the journal records %v, want no adoption", got)
	}
}

// A journal that is lost, broken or of something else stops an apply and never
// a rollback.
func TestBrokenJournal(t *testing.T) {
	t.Parallel()
	line := func(s *site, n int) string {
		text, err := os.ReadFile(s.journalPath())
		if err != nil {
			t.Fatal(err)
		}
		return strings.SplitAfter(string(text), "\n")[n]
	}
	foreign, _, _ := applied(t)
	tests := map[string]func(*site) string{
		"lost":           func(*site) string { return "" },
		"cut":            func(s *site) string { return line(s, 0) + line(s, 1) },
		"an entry gone":  func(s *site) string { return line(s, 0) + line(s, 2) },
		"headless":       func(s *site) string { return line(s, 1) + line(s, 2) },
		"tampered":       func(s *site) string { return strings.Replace(line(s, 0)+line(s, 1)+line(s, 2), "dana", "lee", 1) },
		"not a journal":  func(*site) string { return "CANARY\n" },
		"of another day": func(*site) string { return strings.Repeat(line(foreign, 0), 1) },
	}
	for name, journal := range tests {
		t.Run(name, func(t *testing.T) {
			s, _, _ := applied(t)
			writeFile(t, s.journalPath(), journal(s))
			if name == "lost" {
				if err := os.Remove(s.journalPath()); err != nil {
					t.Fatal(err)
				}
			}
			before := s.read()
			_, err := s.apply(s.freshPlan("key/b/k1"), "next")
			if strings.Count(fmt.Sprint(err), s.journalPath()) != 1 {
				t.Errorf("apply: error %v, want one that names the journal once", err)
			}
			if !errors.Is(err, ErrRefused) || len(schemas.Hints(err)) == 0 || s.read() != before || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("apply: error %v, want a refusal with a hint and nothing written", err)
			}
			result, err := s.rollback(RollbackOptions{All: true})
			if err != nil {
				t.Fatalf("rollback: %v", err)
			}
			want := []schemas.JournalAction{schemas.ActionSegment, schemas.ActionRollback}
			if got := s.actions(); !slices.Equal(got, want) || s.modes() != "observe observe observe" {
				t.Errorf("the journal records %v, want %v; modes %s", got, want, s.modes())
			}
			if kept := result.SetAside != ""; kept == (name == "lost") {
				t.Errorf("the broken journal was set aside as %q", result.SetAside)
			}
			s.mustApply(s.freshPlan("key/b/k1"), "next")
		})
	}
}

// Rollout files in one directory have a journal each, and the journal of
// another one is not taken for one's own.
func TestJournalOfAnotherRollout(t *testing.T) {
	t.Parallel()
	s, _, _ := applied(t)
	other := &site{t: t, path: filepath.Join(filepath.Dir(s.path), "fat.yaml"), now: noon}
	writeFile(t, other.path, strings.Replace(rolloutText, "pro-eu", "fat", 1))
	plan := other.plan()
	plan.Environment = "fat"
	if err := os.Link(journalPath(s.path), journalPath(other.path)); err != nil {
		t.Fatal(err)
	}
	_, err := other.apply(plan, "observe-1")
	if !errors.Is(err, ErrRefused) || !strings.HasSuffix(err.Error(), "the journal is not of this rollout file") {
		t.Errorf("error %v, want a refusal", err)
	}
	if err := os.Remove(journalPath(other.path)); err != nil {
		t.Fatal(err)
	}
	if _, err := other.apply(plan, "observe-1"); err != nil {
		t.Errorf("beside the journal of another rollout file: %v", err)
	}
}

func TestSetAsideKeepsEveryJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := &Journal{path: filepath.Join(dir, "journal.jsonl")}
	for _, want := range []string{
		"journal.broken-20261121T120000Z.jsonl", "journal.broken-20261121T120000Z-2.jsonl", "journal.broken-20261121T120000Z-3.jsonl",
	} {
		writeFile(t, j.path, want)
		name, err := j.setAside(noon.In(time.FixedZone("X", 3600)))
		if err != nil || filepath.Base(name) != want {
			t.Fatalf("set aside as %s, error %v, want %s", name, err, want)
		}
		if text, err := os.ReadFile(name); err != nil || string(text) != want {
			t.Errorf("%s holds %q, error %v", name, text, err)
		}
	}
}

func TestVerifyJournalNamesTheLine(t *testing.T) {
	t.Parallel()
	s, _, _ := applied(t)
	text, err := os.ReadFile(s.journalPath())
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	for want, journal := range map[string]string{
		":2: entry 3 follows entry 1":                  lines[0] + lines[2],
		":1: entry 2 follows entry 0":                  lines[1],
		":3: the hash of this journal entry":           lines[0] + lines[1] + strings.Replace(lines[2], "enforce", "observe", 1),
		":4: not a journal entry":                      string(text) + "?\n",
		":4: entry 3 follows entry 3":                  string(text) + lines[2],
		":1: the beginning of this journal is missing": sealed(t, schemas.JournalEntry{Seq: 1, Action: schemas.ActionApply}),
		":3: this entry does not name the hash": lines[0] + lines[1] +
			sealed(t, schemas.JournalEntry{Seq: 3, Action: schemas.ActionApply, Prev: digestA}),
		":2: this entry does not begin where": lines[0] +
			sealed(t, schemas.JournalEntry{Seq: 2, Action: schemas.ActionApply, Prev: s.journal().Entries[0].Hash}),
	} {
		path := writeFile(t, filepath.Join(t.TempDir(), "j"), journal)
		if _, err := VerifyJournal(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	for _, nothing := range []string{"", `{"seq":1,`} {
		path := writeFile(t, filepath.Join(t.TempDir(), "j"), nothing)
		if _, err := VerifyJournal(path); err == nil || err.Error() != path+": there is no entry in it" {
			t.Errorf("%q: error %v, want no entry", nothing, err)
		}
	}
	if _, err := VerifyJournal(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want %v", err, os.ErrNotExist)
	}
}

func sealed(t *testing.T, e schemas.JournalEntry) string {
	t.Helper()
	if err := e.Seal(); err != nil {
		t.Fatal(err)
	}
	line, err := e.Line()
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

func TestChangeText(t *testing.T) {
	t.Parallel()
	state := func(mode schemas.Mode) *schemas.RolloutSubject { return &schemas.RolloutSubject{Mode: mode} }
	for want, change := range map[string]schemas.Change{
		"-":                  {},
		"(new) → observe":    {After: state(schemas.ModeObserve)},
		"observe → (gone)":   {Before: state(schemas.ModeObserve)},
		"observe (details)":  {Before: state(schemas.ModeObserve), After: state(schemas.ModeObserve)},
		"disabled → observe": {Before: state(schemas.ModeDisabled), After: state(schemas.ModeObserve)},
	} {
		if got := changeText(change); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A subject that was deleted by hand is gone from what the journal says.
func TestDeletedSubjectIsAdopted(t *testing.T) {
	t.Parallel()
	s, _, _ := applied(t)
	start := strings.Index(s.read(), "  key/b/k1:")
	writeFile(t, s.path, s.read()[:start])
	if _, err := s.rollback(RollbackOptions{All: true}); err != nil {
		t.Fatal(err)
	}
	if state := s.journal().state(); len(state) != 2 {
		t.Errorf("the journal says %+v, want two subjects", state)
	}
}

// A rollout that cannot be written leaves the entry that announced it, and the
// next act takes it back.
func TestRolloutThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	s, _, _ := applied(t)
	a := &act{path: s.path, now: s.now, who: "lee"}
	if err := a.read(s.path); err != nil {
		t.Fatal(err)
	}
	step := schemas.JournalEntry{Action: schemas.ActionRollback, Changes: a.back([]string{"key/a/k1"}, schemas.ModeDisabled)}
	text, err := a.prepare(step)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.commit(t.Context(), filepath.Dir(s.path), text); err == nil || !strings.HasPrefix(err.Error(), "write rollout "+s.path) {
		t.Errorf("error %v, want one that names the rollout file", err)
	}
	if _, err := s.rollback(RollbackOptions{All: true}); err != nil {
		t.Fatal(err)
	}
	got := s.actions()
	if want := []schemas.JournalAction{schemas.ActionRollback, schemas.ActionAbandoned, schemas.ActionRollback}; !slices.Equal(got[3:], want) {
		t.Errorf("the journal records %v, want it to end in %v", got, want)
	}
}

func TestResultWriteText(t *testing.T) {
	t.Parallel()
	s, _, _ := applied(t)
	writeFile(t, s.journalPath(), "?\n")
	result, err := s.rollback(RollbackOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := result.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"the journal was broken or could not be written, and is now journal.broken-20261121T120000Z.jsonl\n", "enforce → observe", "pages at night", "segment"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	text.Reset()
	if err := (&Result{}).WriteText(&text); err != nil || text.String() != "nothing to do\n" {
		t.Errorf("%q, error %v, want nothing to do", text.String(), err)
	}
}

func TestJournalPath(t *testing.T) {
	t.Parallel()
	for rollout, want := range map[string]string{
		"rollout.yaml": "journal.jsonl", "a/rollout.yaml": "a/journal.jsonl", "a/eu.yaml": "a/eu.journal.jsonl",
		"a/rollout.yml": "a/rollout.yml.journal.jsonl", "eu.yml": "eu.yml.journal.jsonl", "eu": "eu.journal.jsonl", "eu.x.yaml": "eu.x.journal.jsonl",
	} {
		if got := journalPath(rollout); got != want {
			t.Errorf("the journal of %s is %s, want %s", rollout, got, want)
		}
	}
}
