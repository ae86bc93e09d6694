package migrate

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// drill runs with a clock that moves a millisecond each time it is asked.
func (s *site) drill(files *Files) (*DrillResult, error) {
	now := s.now
	return Drill(s.t.Context(), DrillOptions{RolloutPath: s.path, Files: files, Who: "dana", Now: func() time.Time {
		now = now.Add(time.Millisecond)
		return now
	}})
}

// A drill changes nothing but the journal, and what the rollout says of it.
func TestDrill(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	plan := s.plan()
	s.mustApply(plan, "observe-1")
	before := s.read()
	result, err := s.drill(nil)
	if err != nil || result.Subjects != 3 || result.Times != drillTimes || result.Slowest != time.Millisecond {
		t.Fatalf("%+v, error %v", result, err)
	}
	reference := s.rollout().Journal
	if want := strings.Replace(before, "seq: 2, head: "+s.journal().Entries[1].Hash, "seq: 3, head: "+reference.Head, 1); s.read() != want {
		t.Errorf("the rollout file is now:\n%s", s.read())
	}
	last := s.journal().last()
	if last.Action != schemas.ActionDrill || last.Reason != "rollback of 3 subjects on a copy: 1ms at most in 5 times" || last.Before != last.After {
		t.Errorf("the journal records %+v", last)
	}
	files, err := os.ReadDir(filepath.Dir(s.path))
	if err != nil || len(files) != 3 {
		t.Errorf("left behind: %v, error %v", files, err)
	}
	// The plan goes on after it, and a hand edit after it is no fault.
	s.mustApply(plan, "enforce-1")
	if _, err := s.drill(nil); err != nil || s.modes() != "enforce enforce observe" {
		t.Errorf("modes %s, error %v, want all as it was", s.modes(), err)
	}
	writeFile(t, s.path, strings.Replace(s.read(), "env:B", "env:C", 1))
	if err := s.journal().VerifyWith(s.rollout()); err != nil {
		t.Error(err)
	}
}

// What would keep a rollback from working is found before it is needed.
func TestDrillFinds(t *testing.T) {
	t.Parallel()
	const head = "version: 1\nenvironment: fat\ntier: staging\nsubjects:\n"
	for name, test := range map[string]struct{ rollout, journal, want string }{
		"no rollout":       {"", "", "no such file"},
		"aliases":          {head + "  key/a/k1: &a {mode: observe, since: 2026-01-01T00:00:00Z, secret: env:A}\n  key/b/k1: *a\n", "", "rehearse on a copy: "},
		"nothing to do":    {head + "  key/a/k1: {mode: disabled, since: 2026-01-01T00:00:00Z, secret: env:A}\n", "", "there is nothing to roll back"},
		"a broken journal": {rolloutText, "?\n", "journal.jsonl:1: not a journal entry"},
	} {
		s := newSite(t)
		if writeFile(t, s.path, test.rollout); test.rollout == "" {
			if err := os.Remove(s.path); err != nil {
				t.Fatal(err)
			}
		}
		if test.journal != "" {
			writeFile(t, s.journalPath(), test.journal)
		}
		if _, err := s.drill(nil); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
		if left, err := filepath.Glob(filepath.Join(filepath.Dir(s.path), ".lockstep-*")); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %v, error %v", name, left, err)
		}
	}
	s := newSite(t)
	dir := filepath.Dir(s.path)
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o555)); err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		if _, err := s.drill(nil); !errors.Is(err, os.ErrPermission) || len(schemas.Hints(err)) == 0 {
			t.Errorf("error %v, want %v and a hint", err, os.ErrPermission)
		}
	})
}

// A brownout that is over is observed, and can be rolled back all the same.
func TestDrillOfABrownout(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	writeFile(t, s.path, strings.Replace(s.read(), "mode: observe\n", "mode: enforce\n    until: 2026-11-10T00:00:00Z\n    then: observe\n", 1))
	before := s.read()
	result, err := s.drill(nil)
	if err != nil || result.Subjects != 2 || !strings.HasSuffix(s.read(), before[strings.Index(before, "subjects:"):]) {
		t.Errorf("%+v, error %v, the file is now:\n%s", result, err, s.read())
	}
}

// Heartbeats show when nodes took up what was done.
func TestDrillReadsHeartbeats(t *testing.T) {
	t.Parallel()
	b := newBake(t) // at noon, both batches
	enforced := b.rollout().Digest()
	b.site.now = noon.Add(time.Hour)
	if _, err := b.rollback(RollbackOptions{All: true}); err != nil {
		t.Fatal(err)
	}
	beat := func(node, digest string, at time.Time) {
		b.event(node, schemas.Event{Kind: schemas.EventHeartbeat, TimeMS: at.UnixMilli(), RolloutDigest: digest})
	}
	beat("n1", enforced, noon.Add(-time.Minute)) // a rollout of before that said the same
	beat("n1", enforced, noon.Add(30*time.Second))
	beat("n1", enforced, noon.Add(90*time.Second))
	beat("n2", enforced, noon.Add(70*time.Second))
	beat("n1", b.rollout().Digest(), noon.Add(time.Hour+20*time.Second))
	files, err := NewFiles([]string{writeFile(t, filepath.Join(t.TempDir(), "events.jsonl"), b.lines.String())}, nil)
	if err != nil {
		t.Fatal(err)
	}
	result, err := b.drill(files)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := result.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	const want = `rollback of 3 subjects on a copy: 1ms at most in 5 times; nodes took 1m10s at most to take a step up
  entry 3, apply: taken up by 2 nodes, the last one after 1m10s
  entry 4, rollback: taken up by 1 node, the last one after 20s; not yet by n2
`
	if text.String() != want {
		t.Errorf("it says:\n%s\nwant:\n%s", text.String(), want)
	}
}
