package apollo_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/migrate"
	"lockstep/migrate/apollo"
	"lockstep/migrate/apollo/apollotest"
	"lockstep/schemas"
)

// A site is a rollout file with the keys of apps a and b, which an Apollo with
// two nodes checks.
type site struct {
	*world
	path    string
	secrets map[string]string // by the name of the variable that holds it
}

const siteText = `version: 1
environment: pro
tier: production
subjects:
  key/a/k1: {mode: %s, since: 2026-11-01T00:00:00Z, secret: env:A1}
  key/a/k2: {mode: %s, since: 2026-11-01T00:00:00Z, secret: env:A2}
  key/b/k1: {mode: %s, since: 2026-11-01T00:00:00Z, secret: env:B1}
`

// newSite puts keys into Apollo and the rollout file, a/k1, a/k2 and b/k1 in
// these modes. A key that is absent is disabled in the file.
func newSite(t *testing.T, modes ...string) *site {
	t.Helper()
	s := &site{world: newWorld(t, apollotest.Options{Nodes: 2}), path: filepath.Join(t.TempDir(), "rollout.yaml")}
	s.secrets = map[string]string{"A1": "CANARY-a1", "A2": "CANARY-a2", "B1": "CANARY-b1"}
	var listed []any
	for i, app := range []string{"a", "a", "b"} {
		s.AddApp(apollotest.App{ID: app})
		mode := apollotest.Filter
		if modes[i] == "observe" {
			mode = apollotest.Observer
		}
		if modes[i] == "absent" {
			listed = append(listed, "disabled")
			continue
		}
		listed = append(listed, modes[i])
		s.AddKey(app, s.secrets[[]string{"A1", "A2", "B1"}[i]], mode, modes[i] != "disabled")
	}
	_ = s.clock.sleep(t.Context(), time.Hour)
	s.store = s.open(func(o *apollo.Options) { o.Timeout = 10 * time.Second }) // a call that is given up may still take
	s.write(fmt.Sprintf(siteText, listed...))
	return s
}

func (s *site) write(text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) source() schemas.SecretSource {
	return schemas.SecretSource{Getenv: func(name string) string { return s.secrets[name] }}
}

func (s *site) rollout() *schemas.Rollout {
	s.t.Helper()
	text, err := os.ReadFile(s.path)
	if err != nil {
		s.t.Fatal(err)
	}
	doc, err := schemas.ParseDocument(s.path, text)
	if err != nil {
		s.t.Fatal(err)
	}
	rollout, err := schemas.DecodeRollout(doc)
	if err != nil {
		s.t.Fatal(err)
	}
	return rollout
}

// plan has one batch, of subjects and the modes that they go to, with what
// Apollo has now.
func (s *site) plan(steps ...string) *schemas.Plan {
	s.t.Helper()
	rollout := s.rollout()
	image, err := migrate.TargetImage(s.t.Context(), s.store, rollout, s.source())
	if err != nil {
		s.t.Fatal(err)
	}
	plan := &schemas.Plan{
		Version: 1, ID: "0123456789ab", Environment: "pro", Tier: schemas.TierProduction, Target: image,
		Created: s.clock.now(), Expires: s.clock.now().Add(time.Hour), Inputs: schemas.PlanInputs{Rollout: rollout.Digest()},
		Batches: []schemas.Batch{{ID: "step-1"}},
	}
	for _, step := range steps {
		name, mode, _ := strings.Cut(step, " ")
		if mode == "retire" {
			plan.Batches[0].ID, mode = "retire-1", "observe"
		}
		plan.Batches[0].Steps = append(plan.Batches[0].Steps,
			schemas.Step{Subject: name, From: rollout.Subjects[name].Mode, To: schemas.Mode(mode)})
	}
	return plan
}

func (s *site) apply(plan *schemas.Plan) (*migrate.Result, error) {
	return migrate.Apply(s.t.Context(), migrate.ApplyOptions{
		Plan: plan, RolloutPath: s.path, Now: s.clock.now(), Who: "dana", Target: s.store, Secrets: s.source(),
	})
}

func (s *site) rollback(o migrate.RollbackOptions) (*migrate.Result, error) {
	o.RolloutPath, o.Now, o.Who, o.Reason, o.Target, o.Secrets = s.path, s.clock.now(), "lee", "it broke", s.store, s.source()
	return migrate.Rollback(s.t.Context(), o)
}

// file and apollo list the modes of a/k1, a/k2 and b/k1.
func (s *site) file() string {
	s.t.Helper()
	var modes []string
	for _, name := range []string{"key/a/k1", "key/a/k2", "key/b/k1"} {
		modes = append(modes, string(s.rollout().Subjects[name].Mode))
	}
	return strings.Join(modes, " ")
}

func (s *site) apollo() string {
	s.t.Helper()
	var modes []string
	for _, secret := range []string{"CANARY-a1", "CANARY-a2", "CANARY-b1"} {
		mode := "absent"
		for _, k := range slices.Concat(s.Keys("a"), s.Keys("b")) {
			switch {
			case k.Secret != secret:
			case !k.Enabled:
				mode = "disabled"
			case k.Mode == apollotest.Filter:
				mode = "enforce"
			default:
				mode = "observe"
			}
		}
		modes = append(modes, mode)
	}
	return strings.Join(modes, " ")
}

// puts lists the calls that set a mode.
func (s *site) puts() []string {
	var puts []string
	for _, call := range s.calls() {
		call, _, _ = strings.Cut(call, "&")
		puts = append(puts, strings.NewReplacer("PUT /apps/", "", "/accesskeys/", " ", "?operator=lockstep", "").Replace(call))
	}
	return puts
}

// is compares the modes that file and Apollo have with what they should be.
func (s *site) is(file, apollo string) {
	s.t.Helper()
	if s.file() != file || s.apollo() != apollo {
		s.t.Errorf("the file has %s, Apollo %s, want %s and %s", s.file(), s.apollo(), file, apollo)
	}
}

// unstained makes sure that nothing written beside the rollout file holds a secret.
func (s *site) unstained() {
	s.t.Helper()
	files, err := os.ReadDir(filepath.Dir(s.path))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(s.path), f.Name()))
		if err != nil {
			s.t.Fatal(err)
		}
		clean(s.t, f.Name(), string(text))
	}
}

// Every kind of step: one call for each key, both keys of an app together, and
// the file says what Apollo has. Two nodes have to show it.
func TestApply(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		modes, steps []string
		calls        []string
		after        string
	}{
		"observe": {
			[]string{"disabled", "disabled", "observe"},
			[]string{"key/a/k1 observe", "key/a/k2 observe"},
			[]string{"a 1/enable?mode=1", "a 2/enable?mode=1"},
			"observe observe observe",
		},
		"create": {
			[]string{"absent", "disabled", "absent"},
			[]string{"key/a/k1 observe", "key/b/k1 observe"},
			[]string{"POST /apps/a/accesskeys", "a 2/enable?mode=1", "POST /apps/b/accesskeys", "b 3/enable?mode=1"},
			"observe disabled observe",
		},
		"enforce": {
			[]string{"observe", "observe", "observe"},
			[]string{"key/a/k1 enforce", "key/a/k2 enforce", "key/b/k1 enforce"},
			[]string{"a 1/enable?mode=0", "a 2/enable?mode=0", "b 3/enable?mode=0"},
			"enforce enforce enforce",
		},
		"a key beside one that enforces": {
			[]string{"enforce", "absent", "observe"},
			[]string{"key/a/k2 enforce"},
			[]string{"POST /apps/a/accesskeys", "a 3/enable?mode=0"},
			"enforce enforce observe",
		},
		"retire": {
			[]string{"enforce", "enforce", "observe"},
			[]string{"key/a/k1 retire"},
			[]string{"a 1/enable?mode=1"},
			"observe enforce observe",
		},
		"in place already": {
			[]string{"disabled", "disabled", "observe"},
			[]string{"key/a/k1 observe"},
			nil,
			"observe disabled observe",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, test.modes...)
			if name == "in place already" {
				s.EditKey("a", 1, func(k *apollotest.Key) { k.Enabled, k.Mode = true, apollotest.Observer })
			}
			plan := s.plan(test.steps...)
			result, err := s.apply(plan)
			if err != nil {
				t.Fatal(err)
			}
			s.is(test.after, strings.ReplaceAll(s.apollo(), "absent", "disabled"))
			if s.file() != strings.ReplaceAll(s.apollo(), "absent", "disabled") || !slices.Equal(s.puts(), test.calls) {
				t.Errorf("Apollo has %s, calls %q, want %s and %q", s.apollo(), s.puts(), test.after, test.calls)
			}
			var h migrate.History
			if err := h.CompareTarget(t.Context(), s.store, s.rollout(), s.source(), s.clock.now()); err != nil || len(h.Drift)+len(h.Unknown) != 0 {
				t.Errorf("drift %q, unknown %q, error %v", h.Drift, h.Unknown, err)
			}
			if _, err := migrate.JournalOf(s.path); err != nil || len(result.Entries) < 2 {
				t.Errorf("journal %v, entries %+v", err, result.Entries)
			}
			calls := len(s.calls())
			if again, err := s.apply(plan); err != nil || len(again.Entries) != 0 || len(s.calls()) != calls {
				t.Errorf("again: %+v, error %v, calls %q", again, err, s.calls())
			}
			s.unstained()
		})
	}
}

// What is known not to go well is refused, and nothing is called.
func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	const changed = "Apollo's key of key/a/k1 is not as it was when the plan was made"
	observed, disabled := []string{"observe", "observe", "observe"}, []string{"disabled", "disabled", "observe"}
	edit := func(mode apollotest.Mode, enabled bool) func(*site) {
		return func(s *site) {
			s.EditKey("a", 1, func(k *apollotest.Key) { k.Mode, k.Enabled, k.ModifiedBy = mode, enabled, "kim" })
		}
	}
	for name, test := range map[string]struct {
		modes     []string
		steps     []string
		before    func(*site) // the plan is made
		meanwhile func(*site)
		want      string
	}{
		"masked by a key of the file": {
			modes: []string{"enforce", "disabled", "observe"}, steps: []string{"key/a/k2 observe"},
			want: "key/a/k2 would be masked: Apollo does not look at keys that observe beside key 1 (fingerprint ",
		},
		"masked by a key that nobody lists": {
			modes: disabled, steps: []string{"key/a/k2 observe"},
			before: func(s *site) { s.AddKey("a", "CANARY-else", apollotest.Filter, true) },
			want:   "key/a/k2 would be masked",
		},
		"enforced by hand":    {modes: observed, steps: []string{"key/a/k1 enforce", "key/a/k2 enforce"}, meanwhile: edit(apollotest.Filter, true), want: changed + ": it is in mode enforce since "},
		"disabled by hand":    {modes: observed, steps: []string{"key/a/k1 enforce", "key/a/k2 enforce"}, meanwhile: edit(apollotest.Filter, false), want: changed},
		"touched, no more":    {modes: observed, steps: []string{"key/a/k1 enforce", "key/a/k2 enforce"}, meanwhile: edit(apollotest.Observer, true), want: changed},
		"drift before a plan": {modes: observed, steps: []string{"key/a/k1 enforce", "key/a/k2 enforce"}, before: edit(apollotest.Filter, false), want: "Apollo has key/a/k1 in mode disabled since"},
		"made by hand": {
			modes: []string{"absent", "disabled", "observe"}, steps: []string{"key/a/k1 observe"},
			meanwhile: func(s *site) { s.AddKey("a", "CANARY-a1", apollotest.Filter, true) },
			want:      "Apollo has key/a/k1 in mode enforce since 2026-11-21 13:00Z by apollo, and had no such key when the plan was made",
		},
		"a secret that cannot be read": {
			modes: observed, steps: []string{"key/a/k1 enforce", "key/a/k2 enforce"},
			meanwhile: func(s *site) { delete(s.secrets, "A2") },
			want:      "key/a/k2: secret env:A2: it is empty",
		},
		"a secret that Apollo does not have": {
			modes: observed, steps: []string{"key/b/k1 enforce"},
			before: func(s *site) { s.secrets["B1"] = "CANARY-another" },
			want:   "Apollo has no key with the secret of key/b/k1",
		},
		"a secret that changed": {
			modes: observed, steps: []string{"key/b/k1 enforce"},
			meanwhile: func(s *site) { s.secrets["B1"] = "CANARY-another" },
			want:      "Apollo has no key with the secret of key/b/k1 any more",
		},
		"a sixth key": {
			modes: []string{"absent", "disabled", "observe"}, steps: []string{"key/a/k1 observe"},
			before: func(s *site) {
				for i := range 4 {
					s.AddKey("a", fmt.Sprintf("CANARY-more-%d", i), apollotest.Observer, false)
				}
			},
			want: "app a has 5 keys, and Apollo takes no more than 5",
		},
		"one of two that observe": {
			modes: observed, steps: []string{"key/a/k1 enforce"},
			want: "key/a/k1 cannot be enforced alone: the clients of key 2 (fingerprint ",
		},
		"a secret that two keys have": {
			modes: []string{"absent", "disabled", "observe"}, steps: []string{"key/a/k1 observe", "key/a/k2 observe"},
			before: func(s *site) { s.secrets["A1"] = s.secrets["A2"] },
			want:   "key/a/k1 and key/a/k2 have the same secret",
		},
		"the last one retires": {
			modes: []string{"enforce", "enforce", "observe"}, steps: []string{"key/a/k1 retire"},
			before: func(s *site) { s.EditKey("a", 2, func(k *apollotest.Key) { k.Enabled = false }) },
			want:   "key/a/k1: no other key of its app enforces in Apollo",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, test.modes...)
			if test.before != nil {
				test.before(s)
			}
			plan := s.plan(test.steps...)
			if test.meanwhile != nil {
				test.meanwhile(s)
			}
			file, keys := s.file(), s.apollo()
			_, err := s.apply(plan)
			if !errors.Is(err, migrate.ErrRefused) || !mentions(err, test.want) || len(schemas.Hints(err)) == 0 {
				t.Fatalf("error %v, want %s", err, test.want)
			}
			clean(t, "the error", err.Error())
			s.is(file, keys)
			if len(s.calls()) != 0 {
				t.Errorf("calls %q", s.calls())
			}
		})
	}
	s := newSite(t, observed...)
	plan := s.plan("key/b/k1 enforce")
	plan.Target = nil
	if _, err := s.apply(plan); !errors.Is(err, migrate.ErrRefused) || !mentions(err, "does not say how the keys were in Apollo", "migrate plan --target apollo") {
		t.Errorf("without a before-image: error %v", err)
	}
}

// What can only be seen on the way stops the batch there. Apollo keeps what it
// has, the file says what is known to hold, and the batch goes on once it is
// mended, without a second call for what was done. The faults: a node is dead,
// a node keeps what it had, a 500, a mode that does not take, no answer.
func TestApplyStops(t *testing.T) {
	t.Parallel()
	const put = "PUT /apps/b/"
	for name, test := range map[string]struct {
		fault        func(*site)
		mend         func(*site)
		want         string
		file, apollo string // when it has stopped
		calls        []string
	}{
		"a dead node": {
			func(s *site) {
				s.Nodes[1].Inject(apollotest.Fault{Kind: apollotest.FaultCut, Match: "GET /configs/b/"})
			},
			func(s *site) { s.Nodes[1].Clear() },
			"app b, before anything was done: node ",
			"observe observe observe", "observe observe observe",
			[]string{"a 1/enable?mode=0", "a 2/enable?mode=0", "b 3/enable?mode=0"},
		},
		"a node that dies": {
			func(s *site) {
				s.Nodes[1].Inject(apollotest.Fault{Kind: apollotest.FaultCut, Match: "GET /configs/b/", Skip: 4})
			},
			func(s *site) { s.Nodes[1].Clear() },
			"stopped at key/b/k1: app b: Apollo has the new modes, but node ",
			"enforce enforce observe", "enforce enforce enforce",
			[]string{"a 1/enable?mode=0", "a 2/enable?mode=0", "b 3/enable?mode=0"},
		},
		"a 500": {
			func(s *site) { s.Admin.Inject(apollotest.Fault{Kind: apollotest.FaultError, Match: put}) },
			func(s *site) { s.Admin.Clear() },
			"stopped at key/b/k1: key/b/k1: set key 3 of app b to enforce: Apollo answered with status 500",
			"enforce enforce observe", "enforce enforce observe",
			[]string{
				"a 1/enable?mode=0", "a 2/enable?mode=0",
				"b 3/enable?mode=0", "b 3/enable?mode=0", "b 3/enable?mode=0", "b 3/enable?mode=0",
			},
		},
		"a mode that does not take": {
			func(s *site) { s.Admin.Inject(apollotest.Fault{Kind: apollotest.FaultIgnored, Match: put, Times: 1}) },
			func(*site) {},
			"stopped at key/b/k1: key/b/k1: the answer says that mode enforce is set, and the key is still in mode observe",
			"enforce enforce observe", "enforce enforce observe",
			[]string{"a 1/enable?mode=0", "a 2/enable?mode=0", "b 3/enable?mode=0", "b 3/enable?mode=0"},
		},
		"an answer that nobody hears": {
			func(s *site) {
				s.Admin.Inject(apollotest.Fault{Kind: apollotest.FaultLost, Match: put})
				s.Admin.Inject(apollotest.Fault{Kind: apollotest.FaultCut, Match: "GET /apps/b/", Skip: 3})
			},
			func(s *site) { s.Admin.Clear() },
			"nobody knows whether it has taken",
			"enforce enforce observe", "enforce enforce enforce",
			[]string{"a 1/enable?mode=0", "a 2/enable?mode=0", "b 3/enable?mode=0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "observe", "observe", "observe")
			plan := s.plan("key/a/k1 enforce", "key/a/k2 enforce", "key/b/k1 enforce")
			test.fault(s)
			result, err := s.apply(plan)
			if !errors.Is(err, migrate.ErrTarget) || !mentions(err, test.want) {
				t.Fatalf("error %v, want %s", err, test.want)
			}
			clean(t, "the error", err.Error())
			s.is(test.file, test.apollo)
			if done := strings.HasPrefix(test.file, "enforce"); done != (len(result.Entries) == 2) {
				t.Errorf("entries %+v, want what was found and app a: %t", result.Entries, done)
			}
			test.mend(s)
			if _, err := s.apply(plan); err != nil {
				t.Fatal(err)
			}
			s.is("enforce enforce enforce", "enforce enforce enforce")
			if !slices.Equal(s.puts(), test.calls) {
				t.Errorf("calls %q, want %q", s.puts(), test.calls)
			}
			s.unstained()
		})
	}
}

// Two keys of an app are enforced one after the other. Where the second cannot
// be, the first would refuse its clients, so it goes back at once.
func TestApplyLeavesNoAppHalfEnforced(t *testing.T) {
	t.Parallel()
	s := newSite(t, "observe", "observe", "observe")
	plan := s.plan("key/a/k1 enforce", "key/a/k2 enforce")
	s.Admin.Inject(apollotest.Fault{Kind: apollotest.FaultError, Match: "PUT /apps/a/accesskeys/2/"})
	_, err := s.apply(plan)
	if !errors.Is(err, migrate.ErrTarget) || !mentions(err, "status 500; key/a/k1 was put back to observe, as it would have enforced alone") {
		t.Errorf("error %v", err)
	}
	s.is("observe observe observe", "observe observe observe")
}

// Who is interrupted finishes the app that was announced, and begins no other.
func TestApplyInterrupted(t *testing.T) {
	t.Parallel()
	s := newSite(t, "observe", "observe", "observe")
	plan := s.plan("key/a/k1 enforce", "key/a/k2 enforce", "key/b/k1 enforce")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	result, err := migrate.Apply(ctx, migrate.ApplyOptions{
		Plan: plan, RolloutPath: s.path, Now: s.clock.now(), Who: "dana", Target: interrupting{s.store, cancel}, Secrets: s.source(),
	})
	if !errors.Is(err, context.Canceled) || len(result.Entries) != 2 {
		t.Errorf("error %v, entries %+v, want %v and app a", err, result.Entries, context.Canceled)
	}
	s.is("enforce enforce observe", "enforce enforce observe")
	if _, err := s.apply(plan); err != nil {
		t.Error(err)
	}
	s.is("enforce enforce enforce", "enforce enforce enforce")
}

// interrupting is a key store whose first change makes somebody press Ctrl-C.
type interrupting struct {
	migrate.KeyStore
	cancel func()
}

func (i interrupting) Set(ctx context.Context, app string, before schemas.StoredKey, to schemas.Mode) (schemas.StoredKey, error) {
	i.cancel()
	return i.KeyStore.Set(ctx, app, before, to)
}

// A dry run asks, and calls and writes nothing.
func TestApplyDryRun(t *testing.T) {
	t.Parallel()
	s := newSite(t, "observe", "observe", "observe")
	plan := s.plan("key/a/k1 enforce", "key/a/k2 enforce", "key/b/k1 enforce")
	result, err := migrate.Apply(t.Context(), migrate.ApplyOptions{
		Plan: plan, RolloutPath: s.path, Now: s.clock.now(), Who: "dana", Target: s.store, Secrets: s.source(), DryRun: true,
	})
	if err != nil || len(result.Entries) != 2 || len(result.Entries[1].Changes) != 3 || result.Entries[1].Changes[2].Stored == nil {
		t.Errorf("result %+v, error %v, want all three steps with what Apollo has", result, err)
	}
	s.is("observe observe observe", "observe observe observe")
	if len(s.calls())+len(s.Nodes[0].Requests()) != 0 {
		t.Errorf("calls %q, probes %q", s.calls(), s.Nodes[0].Requests())
	}
	s.EditKey("b", 3, func(k *apollotest.Key) { k.Enabled = false })
	if _, err := s.apply(plan); !errors.Is(err, migrate.ErrRefused) || len(s.calls()) != 0 {
		t.Errorf("error %v, calls %q: the last app of a batch is looked at before the first is touched", err, s.calls())
	}
}
