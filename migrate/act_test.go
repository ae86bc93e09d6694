package migrate

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

const rolloutText = `# Ours. Ask sre before you touch it.
version: 1
environment: pro-eu
tier: production

subjects:
  key/a/k1: # the old one
    mode: observe
    since: 2026-11-01T00:00:00Z # a Sunday
    secret: file:a1.key
  key/a/k2: {mode: observe, since: 2026-11-01T00:00:00Z, secret: file:a2.key} # the new one
  key/b/k1:
    mode: disabled
    since: 2026-11-01T00:00:00Z
    secret: env:B
# the end
`

// A site is a directory with a rollout file and what happened to it.
type site struct {
	t    *testing.T
	path string
	now  time.Time
}

func newSite(t *testing.T) *site {
	t.Helper()
	return &site{t: t, path: writeFile(t, filepath.Join(t.TempDir(), "rollout.yaml"), rolloutText), now: noon}
}

func (s *site) read() string {
	s.t.Helper()
	text, err := os.ReadFile(s.path)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

func (s *site) rollout() *schemas.Rollout {
	s.t.Helper()
	return document(s.t, s.path, schemas.DecodeRollout)
}

func (s *site) journalPath() string { return filepath.Join(filepath.Dir(s.path), "journal.jsonl") }

func (s *site) journal() *Journal {
	s.t.Helper()
	j, err := VerifyJournal(s.journalPath())
	if err != nil {
		s.t.Fatal(err)
	}
	return j
}

// actions lists what the journal records.
func (s *site) actions() []schemas.JournalAction {
	s.t.Helper()
	var actions []schemas.JournalAction
	for _, e := range s.journal().Entries {
		actions = append(actions, e.Action)
	}
	return actions
}

// plan has a batch for each kind of step, made from the rollout as it is.
func (s *site) plan() *schemas.Plan {
	step := func(subject string, from, to schemas.Mode) schemas.Step {
		return schemas.Step{Subject: subject, From: from, To: to}
	}
	return &schemas.Plan{
		Version: 1, ID: "0123456789ab", Environment: "pro-eu", Tier: schemas.TierProduction,
		Created: noon, Expires: noon.Add(time.Hour),
		Inputs: schemas.PlanInputs{Rollout: s.rollout().Digest()},
		Batches: []schemas.Batch{
			{ID: "observe-1", Steps: []schemas.Step{step("key/b/k1", schemas.ModeDisabled, schemas.ModeObserve)}},
			{ID: "enforce-1", Steps: []schemas.Step{
				step("key/a/k1", schemas.ModeObserve, schemas.ModeEnforce), step("key/a/k2", schemas.ModeObserve, schemas.ModeEnforce),
			}},
		},
	}
}

func (s *site) apply(plan *schemas.Plan, batch string) (*Result, error) {
	return Apply(s.t.Context(), ApplyOptions{Plan: plan, RolloutPath: s.path, Batch: batch, Now: s.now, Who: "dana"})
}

func (s *site) mustApply(plan *schemas.Plan, batch string) {
	s.t.Helper()
	if _, err := s.apply(plan, batch); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) rollback(o RollbackOptions) (*Result, error) {
	o.RolloutPath, o.Reason, o.Now, o.Who = s.path, "pages at night", s.now, "lee"
	return Rollback(s.t.Context(), o)
}

func (s *site) modes() string {
	s.t.Helper()
	var modes []string
	r := s.rollout()
	for _, name := range r.Names() {
		modes = append(modes, string(r.Subjects[name].Mode))
	}
	return strings.Join(modes, " ")
}

func TestApplyThenRollback(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	plan := s.plan()
	s.mustApply(plan, "observe-1")
	s.mustApply(plan, "enforce-1") // the plan is not stale by its own doing
	if got := s.modes(); got != "enforce enforce observe" {
		t.Fatalf("modes %s after both batches", got)
	}
	if r := s.rollout(); r.Subjects["key/a/k1"].Batch != "enforce-1" || !r.Subjects["key/a/k2"].Since.Equal(noon) || r.Journal.Seq != 3 {
		t.Errorf("the rollout is %+v", r)
	}

	s.now = noon.Add(time.Minute)
	if _, err := s.rollback(RollbackOptions{Subject: "key/A/k2"}); err != nil {
		t.Fatal(err)
	}
	if got := s.modes(); got != "observe observe observe" {
		t.Errorf("modes %s after the rollback, want k1 to go along with k2", got)
	}
	for line := range strings.SplitAfterSeq(rolloutText, "\n") {
		if _, comment, ok := strings.Cut(line, "#"); ok && !strings.Contains(s.read(), "#"+comment) {
			t.Errorf("the comment %q is lost:\n%s", comment, s.read())
		}
	}
	want := []schemas.JournalAction{schemas.ActionAdopted, schemas.ActionApply, schemas.ActionApply, schemas.ActionRollback}
	if got := s.actions(); !slices.Equal(got, want) {
		t.Errorf("the journal records %v, want %v", got, want)
	}
	var text strings.Builder
	if err := WriteJournal(&text, s.journal().Entries); err != nil {
		t.Fatal(err)
	}
	golden(t, casesDir+"/journal.golden.txt", []byte(text.String()))
}

// Refusals leave everything as it is.
func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(*site, *schemas.Plan)
		batch string
		want  string
	}{
		"no batch named":    {func(*site, *schemas.Plan) {}, "", "the plan has several batches"},
		"no such batch":     {func(*site, *schemas.Plan) {}, "enforce-2\x1b", `the plan has no batch "enforce-2\x1b"`},
		"nothing ready":     {func(_ *site, p *schemas.Plan) { p.Batches = nil }, "", "nothing in this plan is ready"},
		"an empty batch":    {func(_ *site, p *schemas.Plan) { p.Batches[0].Steps = nil }, "observe-1", "batch observe-1 is empty"},
		"a bad batch name":  {func(_ *site, p *schemas.Plan) { p.Batches[0].ID = "a: b" }, "a: b", "a: b is not a name for a batch"},
		"other environment": {func(_ *site, p *schemas.Plan) { p.Environment = "fat" }, "observe-1", "the plan is for fat (production), the rollout file is for pro-eu (production)"},
		"other tier":        {func(_ *site, p *schemas.Plan) { p.Tier = "staging" }, "observe-1", "the plan is for pro-eu (staging), the rollout file is for pro-eu (production)"},
		"expired":           {func(s *site, _ *schemas.Plan) { s.now = noon.Add(time.Hour) }, "observe-1", "the plan expired at 2026-11-21 13:00Z"},
		"not made yet":      {func(s *site, _ *schemas.Plan) { s.now = noon.Add(-time.Second) }, "observe-1", "the plan was made at 2026-11-21 12:00Z, which is not yet"},
		"stale":             {func(_ *site, p *schemas.Plan) { p.Inputs.Rollout = digestA }, "observe-1", "the plan is stale: the rollout file has changed since it was made"},
		"unknown subject":   {func(_ *site, p *schemas.Plan) { p.Batches[0].Steps[0].Subject = "key/z/k1" }, "observe-1", "the rollout file does not list key/z/k1"},
		"moved on":          {func(_ *site, p *schemas.Plan) { p.Batches[0].Steps[0].From = "observe" }, "observe-1", "key/b/k1 is in mode disabled, not observe as in the plan"},
		"skips a mode":      {func(_ *site, p *schemas.Plan) { p.Batches[0].Steps[0].To = "enforce" }, "observe-1", "a step from disabled to enforce skips observe"},
		"steps back":        {func(_ *site, p *schemas.Plan) { p.Batches[1].Steps[0].To = "disabled" }, "enforce-1", "key/a/k1: a plan does not step back"},
	}
	for name, test := range tests {
		s := newSite(t)
		plan := s.plan()
		test.spoil(s, plan)
		result, err := s.apply(plan, test.batch)
		if err == nil || err.Error() != test.want || !errors.Is(err, ErrRefused) || len(schemas.Hints(err)) == 0 || result != nil {
			t.Errorf("%s: error %v, want %q, refused and with a hint", name, err, test.want)
		}
		if _, err := os.Stat(s.journalPath()); s.read() != rolloutText || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: something was written", name)
		}
	}
}

// Only the plan's own batches may come between it and its next one.
func TestApplyRefusesWhatOthersMadeStale(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first, second := s.plan(), s.plan()
	second.ID = "ba9876543210"
	s.mustApply(first, "observe-1")
	if _, err := s.apply(second, "enforce-1"); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "stale") {
		t.Errorf("after another plan: error %v, want it to be stale", err)
	}
	writeFile(t, s.path, strings.Replace(s.read(), "env:B", "env:C", 1))
	if _, err := s.apply(first, "enforce-1"); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "stale") {
		t.Errorf("after a hand edit: error %v, want it to be stale", err)
	}
}

func TestApplyDryRun(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	result, err := Apply(t.Context(), ApplyOptions{Plan: s.plan(), RolloutPath: s.path, Batch: "observe-1", Now: noon, Who: "dana", DryRun: true})
	if err != nil || len(result.Entries) != 2 || result.Entries[1].Changes[0].After.Mode != schemas.ModeObserve {
		t.Errorf("result %+v, error %v, want the step", result, err)
	}
	files, err := os.ReadDir(filepath.Dir(s.path))
	if err != nil || len(files) != 1 || s.read() != rolloutText {
		t.Errorf("files %v, error %v, want the rollout alone, unchanged", files, err)
	}
}

func TestApplyCancelled(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Apply(ctx, ApplyOptions{Plan: s.plan(), RolloutPath: s.path, Batch: "observe-1", Now: noon})
	if !errors.Is(err, context.Canceled) || s.read() != rolloutText {
		t.Errorf("error %v, want %v and nothing written", err, context.Canceled)
	}
}

// A link to the rollout file shares its journal, and stays a link.
func TestApplyThroughALink(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	plan := s.plan()
	link := filepath.Join(t.TempDir(), "current.yaml")
	if err := os.Symlink(s.path, link); err != nil {
		t.Fatal(err)
	}
	_, err := Apply(t.Context(), ApplyOptions{Plan: plan, RolloutPath: link, Batch: "observe-1", Now: noon})
	if err != nil || len(s.journal().Entries) != 2 {
		t.Errorf("error %v, want a journal beside the file itself", err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
}

func TestRollbackChooses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		options RollbackOptions
		modes   string
	}{
		"a key and its siblings": {RollbackOptions{Subject: "key/a/k1"}, "observe observe observe"},
		"an app, without case":   {RollbackOptions{Subject: "key/A"}, "observe observe observe"},
		"all the way":            {RollbackOptions{Subject: "key/a/k1", To: schemas.ModeDisabled}, "disabled disabled observe"},
		"a batch":                {RollbackOptions{Batch: "observe-1", To: schemas.ModeDisabled}, "enforce enforce disabled"},
		"everything":             {RollbackOptions{All: true}, "observe observe observe"},
		"everything, all the way": {
			RollbackOptions{All: true, To: schemas.ModeDisabled}, "disabled disabled disabled",
		},
		"an observed key takes nobody along": {
			RollbackOptions{Subject: "key/b/k1", To: schemas.ModeDisabled}, "enforce enforce disabled",
		},
		"nothing to do": {RollbackOptions{Subject: "key/b/k1"}, "enforce enforce observe"},
	}
	for name, test := range tests {
		s := newSite(t)
		plan := s.plan()
		s.mustApply(plan, "observe-1")
		s.mustApply(plan, "enforce-1")
		before := s.read()
		result, err := s.rollback(test.options)
		if err != nil || s.modes() != test.modes {
			t.Errorf("%s: modes %s, error %v, want %s", name, s.modes(), err, test.modes)
			continue
		}
		if name == "nothing to do" && (len(result.Entries) != 0 || s.read() != before || len(s.journal().Entries) != 3) {
			t.Errorf("%s: something was done: %+v", name, result)
		}
	}
}

func TestRollbackRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		options RollbackOptions
		want    string
		hint    string
	}{
		"nothing chosen":  {RollbackOptions{Reason: "r"}, "it is not clear what to roll back", "give one of --subject, --batch and --all"},
		"too much chosen": {RollbackOptions{Reason: "r", All: true, Batch: "b"}, "it is not clear what to roll back", "give one of --subject, --batch and --all"},
		"no reason":       {RollbackOptions{Reason: " ", All: true}, "a rollback needs a reason", "say why, for the journal: --reason TEXT"},
		"a step forward":  {RollbackOptions{Reason: "r", All: true, To: schemas.ModeEnforce}, "enforce is not a mode to roll back to", "use observe or disabled"},
		"no subject":      {RollbackOptions{Reason: "r", Subject: "demo"}, "--subject: not a subject", "write key/<app>/<id>, such as key/demo/k1, or tls/<endpoint_id>"},
		"a slip":          {RollbackOptions{Reason: "r", Subject: "key/a/k3"}, "the rollout file does not list key/a/k3", "did you mean key/a/k1?"},
		"not listed":      {RollbackOptions{Reason: "r", Subject: "key/other"}, "the rollout file does not list key/other", "the subjects are key/a/k1, key/a/k2, key/b/k1"},
		"no such batch":   {RollbackOptions{Reason: "r", Batch: "b"}, "no subject has come from batch b", "no subject has come from a batch yet; use --subject or --all"},
	}
	for name, test := range tests {
		s := newSite(t)
		test.options.RolloutPath, test.options.Now = s.path, noon
		_, err := Rollback(t.Context(), test.options)
		if err == nil || err.Error() != test.want || !slices.Equal(schemas.Hints(err), []string{test.hint}) {
			t.Errorf("%s: error %v with hints %q, want %q and %q", name, err, schemas.Hints(err), test.want, test.hint)
		}
	}
	s := newSite(t)
	s.mustApply(s.plan(), "observe-1")
	_, err := s.rollback(RollbackOptions{Batch: "enforce-1"})
	if hints := schemas.Hints(err); !slices.Equal(hints, []string{"the batches are observe-1"}) {
		t.Errorf("error %v with hints %q, want the names of the batches", err, hints)
	}
}

func TestActsNameWhatTheyCannotRead(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, test := range map[string]struct{ text, want string }{
		"not YAML":       {"a: [", "not YAML"},
		"inline secrets": {strings.Replace(rolloutText, "file:a1.key", "CANARY-c2VjcmV0", 1), "a secret has to be a reference"},
		"twice":          {strings.Replace(rolloutText, "secret: env:B", "secret: env:B\n    CANARY: x", 1), "there is no key"},
	} {
		writeFile(t, s.path, test.text)
		_, err := s.rollback(RollbackOptions{All: true, To: schemas.ModeDisabled})
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "CANARY-") {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
	if err := os.Remove(s.path); err != nil {
		t.Fatal(err)
	}
	if _, err := s.rollback(RollbackOptions{All: true}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want %v", err, os.ErrNotExist)
	}
}

// Only one migrate works on a rollout at a time. Of many that start at once
// at least one gets its turn, the others say why they do not, and the chain
// stays whole.
func TestActsExcludeEachOther(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustApply(s.plan(), "enforce-1")
	var group sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		group.Go(func() {
			to := []schemas.Mode{schemas.ModeObserve, schemas.ModeDisabled}[i%2]
			_, errs[i] = s.rollback(RollbackOptions{All: true, To: to})
		})
	}
	group.Wait()
	done := 0
	for _, err := range errs {
		switch {
		case err == nil:
			done++
		case !errors.Is(err, ErrLocked) || err.Error() != "lock the journal: another migrate is at work":
			t.Errorf("error %v", err)
		}
	}
	if done == 0 {
		t.Error("nobody got a turn")
	}
	if j, r := s.journal(), s.rollout(); r.Journal != j.ref() || j.last().After != r.Digest() {
		t.Errorf("journal and rollout file do not agree: %+v and %+v", j.ref(), r.Journal)
	}
	release, err := lockJournal(journalPath(s.path))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.rollback(RollbackOptions{All: true}); err == nil {
		t.Error("the lock is held, and yet a rollback went through")
	}
	release()
	if _, err := s.rollback(RollbackOptions{All: true}); err != nil {
		t.Errorf("the lock was released: %v", err)
	}
}

// Steps forward and back restore modes and leave no other trace in the file
// than times, batches and the reference to the journal.
func TestApplyAndRollbackRestore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustApply(s.plan(), "enforce-1")
	if _, err := s.rollback(RollbackOptions{Batch: "enforce-1"}); err != nil {
		t.Fatal(err)
	}
	want := rolloutText
	ref := s.journal().ref()
	for _, r := range [][2]string{
		{"tier: production\n", "tier: production\njournal: {seq: 3, head: " + ref.Head + "}\n"},
		{"    mode: observe\n    since: 2026-11-01T00:00:00Z # a Sunday", "    mode: observe\n    batch: enforce-1\n    since: 2026-11-21T12:00:00Z # a Sunday"},
		{"{mode: observe, since: 2026-11-01T00:00:00Z", "{mode: observe, batch: enforce-1, since: 2026-11-21T12:00:00Z"},
	} {
		want = strings.Replace(want, r[0], r[1], 1)
	}
	if diff := cmp.Diff(want, s.read()); diff != "" {
		t.Errorf("the file differs (-want +got):\n%s", diff)
	}
}
