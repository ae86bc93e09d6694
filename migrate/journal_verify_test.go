package migrate

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"lockstep/schemas"
)

// Beside its rollout file a journal whose end was cut off is seen, and what a
// crash leaves behind is none.
func TestVerifyWith(t *testing.T) {
	t.Parallel()
	s, before, journal := applied(t)
	after := s.read()
	text, err := os.ReadFile(s.journalPath())
	if err != nil {
		t.Fatal(err)
	}
	whole := string(text)
	lines := strings.SplitAfter(whole, "\n")
	other, _, _ := applied(t)
	writeFile(t, other.path, strings.Replace(rolloutText, "env:B", "env:C", 1))
	if err := os.Remove(other.journalPath()); err != nil {
		t.Fatal(err)
	}
	other.mustApply(other.plan(), "observe-1")
	other.mustApply(other.freshPlan("key/a/k1"), "next")
	otherJournal, err := os.ReadFile(other.journalPath())
	if err != nil {
		t.Fatal(err)
	}
	const older = "the journal ends at entry 3, the rollout file is at entry "
	for name, test := range map[string]struct{ rollout, journal, want string }{
		"together":               {after, whole, ""},
		"a hand edit":            {strings.Replace(after, "env:B", "env:C", 1), whole, ""},
		"a crash":                {before, whole, ""},
		"a crash, torn":          {before, whole[:len(journal)+50], ""},
		"a crash at first":       {rolloutText, journal, ""},
		"a torn crash at first":  {rolloutText, lines[0] + lines[1][:40], ""},
		"its end cut off":        {after, journal, "the journal ends at entry 2, the rollout file is at entry 3"},
		"cut to almost nothing":  {before, lines[0], "the journal ends at entry 1, the rollout file is at entry 2"},
		"another journal":        {after, string(otherJournal), "entry 3 of the journal is not the one that the rollout file names"},
		"an older file":          {rolloutText, whole, older + "0, in neither the state before nor after"},
		"an edited one, as well": {strings.Replace(before, "env:B", "env:C", 1), whole, older + "2, in neither the state before nor after"},
	} {
		dir := t.TempDir()
		j, err := VerifyJournal(writeFile(t, filepath.Join(dir, "journal.jsonl"), test.journal))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		err = j.VerifyWith(document(t, writeFile(t, filepath.Join(dir, "rollout.yaml"), test.rollout), schemas.DecodeRollout))
		want := test.want
		if want != "" {
			want = j.path + ": " + want
		}
		if got := errorText(err); got != want {
			t.Errorf("%s: error %q, want %q", name, got, want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A file that was created and not written, or written in part, before a crash
// is a journal that has yet to begin.
func TestCrashBeforeTheFirstEntry(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", `{"seq":1,`} {
		s := newSite(t)
		writeFile(t, s.journalPath(), text)
		s.mustApply(s.plan(), "observe-1")
		if got := s.actions(); len(got) != 2 {
			t.Errorf("%q: the journal records %v", text, got)
		}
	}
}

// Reasons and names that are no text must not end the journal for good.
func TestReasonsThatAreNotUTF8(t *testing.T) {
	t.Parallel()
	s, _, _ := applied(t)
	_, err := Rollback(t.Context(), RollbackOptions{RolloutPath: s.path, All: true, Reason: "pages \xff at night", Now: noon, Who: "l\xe9e"})
	if err != nil {
		t.Fatal(err)
	}
	if e := s.journal().last(); e.Reason != "pages \ufffd at night" || e.Who != "l\ufffde" {
		t.Errorf("the journal records %q by %q", e.Reason, e.Who)
	}
	// Also where the path is in the reason of a new segment.
	dir := filepath.Join(t.TempDir(), "d\xff")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.path = writeFile(t, filepath.Join(dir, "rollout.yaml"), s.read())
	writeFile(t, s.journalPath(), "?\n")
	if _, err := s.rollback(RollbackOptions{All: true, To: schemas.ModeDisabled}); err != nil || len(s.journal().Entries) != 2 {
		t.Errorf("error %v", err)
	}
}

// A FIFO in place of a file is refused, not waited for, and named once.
func TestActsDoNotWaitForAFIFO(t *testing.T) {
	t.Parallel()
	s, before, _ := applied(t)
	if err := errors.Join(os.Remove(s.journalPath()), syscall.Mkfifo(s.journalPath(), 0o644)); err != nil {
		t.Fatal(err)
	}
	check := func(what string, err error, path string) {
		t.Helper()
		_, isPath := errors.AsType[*fs.PathError](err)
		if text := errorText(err); !isPath || strings.Count(text, path) != 1 || !strings.HasSuffix(text, "it is not a regular file") {
			t.Errorf("%s: error %q, want one of a file that is not regular", what, text)
		}
	}
	_, err := VerifyJournal(s.journalPath())
	check("verify", err, s.journalPath())
	_, err = s.apply(s.freshPlan("key/a/k1"), "next")
	check("apply", err, s.journalPath())
	result, err := s.rollback(RollbackOptions{All: true, To: schemas.ModeDisabled})
	if err != nil || result.SetAside == "" || len(s.journal().Entries) != 2 {
		t.Errorf("rollback: %+v, error %v, want the FIFO set aside", result, err)
	}
	plan := s.plan()
	writeFile(t, s.path, before)
	if err := errors.Join(os.Remove(s.path), syscall.Mkfifo(s.path, 0o644)); err != nil {
		t.Fatal(err)
	}
	_, err = s.apply(plan, "observe-1")
	check("apply", err, s.path)
	_, err = s.rollback(RollbackOptions{All: true})
	check("rollback", err, s.path)
}

// A second operator, who may change the directory and not the files of the
// first one, can roll back, and nobody's entries are lost.
func TestRollbackByAnotherUser(t *testing.T) {
	s, _, journal := applied(t)
	dir := filepath.Dir(s.path)
	lock := filepath.Join(dir, "journal.lock")
	err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o777), os.Chmod(s.path, 0o644),
		os.Chmod(lock, 0o444), os.Chmod(s.journalPath(), 0o444))
	if err != nil {
		t.Fatal(err)
	}
	var result *Result
	var errApply error
	asNobody(t, func() {
		_, errApply = s.apply(s.freshPlan("key/b/k1"), "next")
		result, err = s.rollback(RollbackOptions{All: true})
	})
	if !errors.Is(errApply, fs.ErrPermission) {
		t.Errorf("apply: error %v, want %v", errApply, fs.ErrPermission)
	}
	if err != nil || s.modes() != "observe observe observe" {
		t.Fatalf("rollback: error %v, modes %s", err, s.modes())
	}
	want := []schemas.JournalAction{schemas.ActionSegment, schemas.ActionRollback}
	if got := s.actions(); !slices.Equal(got, want) || !strings.HasSuffix(s.journal().Entries[0].Reason, "permission denied") {
		t.Errorf("the journal records %+v, want %v", s.journal().Entries, want)
	}
	if kept, err := os.ReadFile(result.SetAside); err != nil || !strings.HasPrefix(string(kept), journal) {
		t.Errorf("the old journal is not kept: %v", err)
	}
}

// asNobody runs f without the rights of root, where the test has them: on a
// thread of its own that touches files as another user.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := syscall.Setfsuid(65534); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Setfsuid(0) }()
	f()
}

// What somebody writes as a reason must not reach a terminal raw.
func TestWriteJournalShowsControlCharacters(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	err := WriteJournal(&text, []schemas.JournalEntry{{Seq: 1, Who: "lee\x07", Action: schemas.ActionRollback, Reason: "\x1b[2J\u202enight"}})
	if err != nil || strings.ContainsAny(text.String(), "\x1b\x07\u202e") || !strings.Contains(text.String(), `"\x1b[2J\u202enight"`) {
		t.Errorf("error %v, text %q", err, text.String())
	}
}
