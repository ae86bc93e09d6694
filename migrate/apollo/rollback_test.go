package apollo_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lockstep/migrate"
	"lockstep/migrate/apollo/apollotest"
	"lockstep/schemas"
)

// A key that steps back takes one call, mode 1, and takes all keys of its app
// along that enforce: with several FILTER keys all must leave FILTER before
// clients are free (apollo §6 (iii)). It goes by what Apollo has.
func TestRollback(t *testing.T) {
	t.Parallel()
	enforced := []string{"enforce", "enforce", "enforce"}
	for name, test := range map[string]struct {
		modes        []string
		before       func(*site)
		options      migrate.RollbackOptions
		calls        []string
		file, apollo string
	}{
		"a key": {
			modes: enforced, options: migrate.RollbackOptions{Subject: "key/a/k1"},
			calls: []string{"a 1/enable?mode=1", "a 2/enable?mode=1"},
			file:  "observe observe enforce", apollo: "observe observe enforce",
		},
		"all the way": {
			modes: enforced, options: migrate.RollbackOptions{Subject: "key/a/k1", To: schemas.ModeDisabled},
			calls: []string{"a 1/disable", "a 2/disable"},
			file:  "disabled disabled enforce", apollo: "disabled disabled enforce",
		},
		"everything": {
			modes: enforced, options: migrate.RollbackOptions{All: true},
			calls: []string{"a 1/enable?mode=1", "a 2/enable?mode=1", "b 3/enable?mode=1"},
			file:  "observe observe observe", apollo: "observe observe observe",
		},
		"an observed key": {
			modes: []string{"observe", "observe", "enforce"}, options: migrate.RollbackOptions{Subject: "key/a/k1", To: schemas.ModeDisabled},
			calls: []string{"a 1/disable"},
			file:  "disabled observe enforce", apollo: "disabled observe enforce",
		},
		"what the file does not show": {
			modes: []string{"observe", "observe", "observe"}, options: migrate.RollbackOptions{Subject: "key/b"},
			before: func(s *site) { s.EditKey("b", 3, func(k *apollotest.Key) { k.Mode = apollotest.Filter }) },
			calls:  []string{"b 3/enable?mode=1"},
			file:   "observe observe observe", apollo: "observe observe observe",
		},
		"what Apollo has not done": {
			modes: enforced, options: migrate.RollbackOptions{Subject: "key/b"},
			before: func(s *site) { s.EditKey("b", 3, func(k *apollotest.Key) { k.Mode = apollotest.Observer }) },
			file:   "enforce enforce observe", apollo: "enforce enforce observe",
		},
		"no secret can be read": {
			modes: enforced, options: migrate.RollbackOptions{Subject: "key/a"},
			before: func(s *site) { clear(s.secrets) },
			calls:  []string{"a 1/enable?mode=1", "a 2/enable?mode=1"},
			file:   "observe observe enforce", apollo: "observe observe enforce",
		},
		"a key that nobody lists": {
			modes: []string{"enforce", "observe", "observe"}, options: migrate.RollbackOptions{Subject: "key/a/k1", To: schemas.ModeDisabled},
			before: func(s *site) { s.AddKey("a", "CANARY-else", apollotest.Filter, true) },
			calls:  []string{"a 1/disable", "a 4/enable?mode=1"},
			file:   "disabled observe observe", apollo: "disabled observe observe",
		},
		"nothing to do": {
			modes: []string{"observe", "disabled", "observe"}, options: migrate.RollbackOptions{All: true},
			file: "observe disabled observe", apollo: "observe disabled observe",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, test.modes...)
			if test.before != nil {
				test.before(s)
			}
			result, err := s.rollback(test.options)
			if err != nil || result.Undone != nil {
				t.Fatalf("error %v, undone %v", err, result.Undone)
			}
			s.is(test.file, test.apollo)
			if puts := slices.Sorted(slices.Values(s.puts())); !slices.Equal(puts, test.calls) { // apps step back beside each other
				t.Errorf("calls %q, want %q", puts, test.calls)
			}
			if again, err := s.rollback(test.options); err != nil || len(again.Entries) != 0 || len(s.puts()) != len(test.calls) {
				t.Errorf("again: %+v, error %v, calls %q", again, err, s.puts())
			}
			s.unstained()
		})
	}
}

// Whatever fails, the rest steps back and the file does; what Apollo has not
// done is told, and the next rollback does it.
func TestRollbackGoesOn(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault  apollotest.Fault
		want   string
		apollo string
	}{
		"no list of an app":  {apollotest.Fault{Kind: apollotest.FaultCut, Match: "GET /apps/a/"}, "app a: list the keys of app a: EOF", "enforce enforce observe"},
		"a 500 for one":      {apollotest.Fault{Kind: apollotest.FaultError, Match: "PUT /apps/a/accesskeys/1/"}, "key 1 (fingerprint ", "enforce observe observe"},
		"a mode not taken":   {apollotest.Fault{Kind: apollotest.FaultIgnored, Match: "PUT /apps/b/", Times: 1}, "the key is still in mode enforce", "observe observe enforce"},
		"nothing is working": {apollotest.Fault{Kind: apollotest.FaultError}, "Apollo answered with status 500", "enforce enforce enforce"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "enforce", "enforce", "enforce")
			s.Admin.Inject(test.fault)
			result, err := s.rollback(migrate.RollbackOptions{All: true})
			if err != nil || !errors.Is(result.Undone, migrate.ErrTarget) || !mentions(result.Undone, test.want) {
				t.Fatalf("error %v, undone %v, want %s", err, result.Undone, test.want)
			}
			clean(t, "the error", result.Undone.Error())
			s.is("observe observe observe", test.apollo)
			s.Admin.Clear()
			if again, err := s.rollback(migrate.RollbackOptions{All: true}); err != nil || again.Undone != nil {
				t.Fatalf("again: error %v, undone %v", err, again.Undone)
			}
			s.is("observe observe observe", "observe observe observe")
		})
	}
}

// A node that holds on to a key is named; Apollo and the file have stepped back.
func TestRollbackNamesTheNode(t *testing.T) {
	t.Parallel()
	s := newSite(t, "observe", "observe", "enforce")
	for _, n := range s.Nodes {
		if err := s.open().Probe(t.Context(), "b", probes(probeKey("CANARY-b1", schemas.ModeEnforce))); err != nil {
			t.Fatal(err, n.URL)
		}
	}
	s.Nodes[1].Freeze(true)
	result, err := s.rollback(migrate.RollbackOptions{Subject: "key/b/k1"})
	if err != nil || !mentions(result.Undone, "app b: Apollo has the modes, but node "+s.Nodes[1].URL+": a request without a signature is refused, and has to pass") {
		t.Errorf("error %v, undone %v", err, result.Undone)
	}
	s.is("observe observe observe", "observe observe observe")
}

// A batch that was stopped half-way is taken back by its name, as the journal
// knows; without a journal by its subjects, as the rollout file lists them.
func TestRollbackOfAStoppedBatch(t *testing.T) {
	t.Parallel()
	stopped := func(t *testing.T) *site {
		t.Helper()
		s := newSite(t, "observe", "observe", "observe")
		plan := s.plan("key/a/k1 enforce", "key/a/k2 enforce", "key/b/k1 enforce")
		s.Nodes[1].Inject(apollotest.Fault{Kind: apollotest.FaultCut, Match: "GET /configs/b/", Skip: 4})
		if _, err := s.apply(plan); !mentions(err, "stopped at key/b/k1", "rollback --batch step-1 --target apollo") {
			t.Fatalf("error %v", err)
		}
		s.Nodes[1].Clear()
		s.is("enforce enforce observe", "enforce enforce enforce")
		return s
	}
	t.Run("by the journal", func(t *testing.T) {
		t.Parallel()
		s := stopped(t)
		if _, err := s.rollback(migrate.RollbackOptions{Batch: "step-1"}); err != nil {
			t.Fatal(err)
		}
		s.is("observe observe observe", "observe observe observe")
	})
	t.Run("by the rollout file", func(t *testing.T) {
		t.Parallel()
		s := stopped(t)
		if err := os.Remove(filepath.Join(filepath.Dir(s.path), "journal.jsonl")); err != nil {
			t.Fatal(err)
		}
		clear(s.secrets)
		if result, err := s.rollback(migrate.RollbackOptions{All: true}); err != nil || result.Undone != nil {
			t.Fatalf("error %v, undone %v", err, result.Undone)
		}
		s.is("observe observe observe", "observe observe observe")
	})
}

// Without its secret a key is known by what the journal saw of it last.
func TestRollbackKnowsKeysByTheJournal(t *testing.T) {
	t.Parallel()
	s := newSite(t, "observe", "observe", "observe")
	if _, err := s.apply(s.plan("key/a/k1 enforce", "key/a/k2 enforce")); err != nil {
		t.Fatal(err)
	}
	delete(s.secrets, "A1")
	delete(s.secrets, "B1")
	result, err := s.rollback(migrate.RollbackOptions{Subject: "key/a/k1", To: schemas.ModeDisabled})
	if err != nil || result.Undone != nil {
		t.Fatalf("error %v, undone %v", err, result.Undone)
	}
	s.is("disabled disabled observe", "disabled disabled observe")
	result, err = s.rollback(migrate.RollbackOptions{Subject: "key/b/k1", To: schemas.ModeDisabled})
	if err != nil || !mentions(result.Undone, "key/b/k1: nobody can tell which of Apollo's keys it is: secret env:B1: it is empty") {
		t.Errorf("error %v, undone %v", err, result.Undone)
	}
	s.is("disabled disabled disabled", "disabled disabled observe")
}

// The journal holds what Apollo had before each step, and no secret.
func TestJournalHoldsTheBeforeImage(t *testing.T) {
	t.Parallel()
	s := newSite(t, "observe", "observe", "observe")
	before := s.Keys("b")[0]
	if _, err := s.apply(s.plan("key/b/k1 enforce")); err != nil {
		t.Fatal(err)
	}
	journal, err := migrate.JournalOf(s.path)
	if err != nil {
		t.Fatal(err)
	}
	got := journal.Entries[len(journal.Entries)-1].Changes[0].Stored
	want := schemas.StoredKey{
		ID: "3", Fingerprint: schemas.NewSecret([]byte("CANARY-b1")).Fingerprint(), Mode: schemas.ModeObserve, Changed: before.LastTime, By: "apollo",
	}
	if got == nil || !got.Same(want) {
		text, _ := json.Marshal(got)
		t.Errorf("before-image %s, want %+v", text, want)
	}
	s.unstained()
}

// Who forgets that the keys live in Apollo is told: a plan that was made for it
// is refused, and a rollback steps back in the file and says that it is half
// the way.
func TestForgottenTarget(t *testing.T) {
	t.Parallel()
	s := newSite(t, "observe", "observe", "observe")
	plan := s.plan("key/b/k1 enforce")
	forget := migrate.ApplyOptions{Plan: plan, RolloutPath: s.path, Now: s.clock.now(), Who: "dana"}
	if _, err := migrate.Apply(t.Context(), forget); !errors.Is(err, migrate.ErrRefused) || !mentions(err, "the plan is for the keys of apollo", "add --target apollo") {
		t.Errorf("apply: error %v", err)
	}
	if _, err := s.apply(plan); err != nil {
		t.Fatal(err)
	}
	result, err := migrate.Rollback(t.Context(), migrate.RollbackOptions{RolloutPath: s.path, Subject: "key/b", Now: s.clock.now(), Who: "lee", Reason: "it broke"})
	if err != nil || !mentions(result.Undone, "nobody has asked it: it has the keys of key/b/k1", "roll back again with --target apollo") {
		t.Errorf("rollback: error %v, undone %v", err, result.Undone)
	}
	s.is("observe observe observe", "observe observe enforce")
	if result, err := s.rollback(migrate.RollbackOptions{Subject: "key/b"}); err != nil || result.Undone != nil {
		t.Errorf("with the target: error %v, undone %v", err, result.Undone)
	}
	s.is("observe observe observe", "observe observe observe")
}

// Drift: what Apollo has beside what the rollout says, each way that it can
// differ; and nothing where it does not.
func TestCompareTarget(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		edit    func(*site)
		want    []string
		unknown []string
	}{
		"none": {func(*site) {}, nil, nil},
		"another mode": {
			func(s *site) {
				s.EditKey("a", 1, func(k *apollotest.Key) { k.Mode, k.ModifiedBy = apollotest.Filter, "kim" })
			},
			[]string{"Apollo has key/a/k1 in mode enforce since 2026-11-21 13:00Z by kim, the rollout in mode observe"},
			nil,
		},
		"no such key": {
			func(s *site) { s.EditKey("b", 3, func(k *apollotest.Key) { k.Secret = "CANARY-new" }) },
			[]string{
				"Apollo has no key with the secret of key/b/k1, the rollout has it in mode enforce",
				"Apollo has key 3 (fingerprint " + schemas.NewSecret([]byte("CANARY-new")).Fingerprint() + ") of app b in mode enforce since 2026-11-21 13:00Z by apollo, and the rollout does not list it",
			},
			nil,
		},
		"a key more, that does nothing": {func(s *site) { s.AddKey("b", "CANARY-new", apollotest.Filter, false) }, nil, nil},
		"a secret that cannot be read": {
			func(s *site) { delete(s.secrets, "B1") },
			nil,
			[]string{"key/b/k1 cannot be compared with Apollo: secret env:B1: it is empty"},
		},
		"a brownout that is over": {
			func(s *site) {
				text, _ := os.ReadFile(s.path)
				s.write(strings.Replace(string(text), "secret: env:B1", "secret: env:B1, until: 2026-11-21T12:30:00Z, then: observe", 1))
			},
			[]string{"Apollo has key/b/k1 in mode enforce since 2026-11-21 12:00Z by apollo, the rollout in mode observe"},
			nil,
		},
		"a share, which Apollo cannot do": {
			func(s *site) {
				text, _ := os.ReadFile(s.path)
				s.write(strings.Replace(string(text), "secret: env:B1", "secret: env:B1, share: 10", 1))
			},
			[]string{"Apollo has key/b/k1 in mode enforce since 2026-11-21 12:00Z by apollo, the rollout in mode observe"},
			nil,
		},
	} {
		s := newSite(t, "observe", "observe", "enforce")
		test.edit(s)
		var h migrate.History
		err := h.CompareTarget(t.Context(), s.store, s.rollout(), s.source(), s.clock.now())
		if err != nil || !slices.Equal(h.Drift, test.want) || !slices.Equal(h.Unknown, test.unknown) {
			t.Errorf("%s: drift %q, unknown %q, error %v, want %q, %q", name, h.Drift, h.Unknown, err, test.want, test.unknown)
		}
		clean(t, name, strings.Join(slices.Concat(h.Drift, h.Unknown), "\n"))
	}
}
