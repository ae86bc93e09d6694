package migrate

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// ordered makes enforce-1 and enforce-2 of a plan: an app each, a day apart.
func (s *site) ordered() *schemas.Plan {
	plan := s.plan()
	step := schemas.Step{Subject: "key/b/k1", From: schemas.ModeObserve, To: schemas.ModeEnforce}
	plan.Expires = noon.Add(7 * days)
	plan.Batches = append(plan.Batches, schemas.Batch{
		ID: "enforce-2", After: "enforce-1", Bake: schemas.Duration(days), Steps: []schemas.Step{step},
	})
	return plan
}

func (s *site) mustRefuse(plan *schemas.Plan, batch, want string) {
	s.t.Helper()
	_, err := s.apply(plan, batch)
	if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, ErrRefused) || len(schemas.Hints(err)) == 0 {
		s.t.Errorf("%s: error %v, want %q, refused and with a hint", batch, err, want)
	}
}

func TestApplyTakesBatchesInOrder(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	plan := s.ordered()
	s.mustApply(plan, "observe-1")
	s.mustRefuse(plan, "enforce-2", "batch enforce-2 comes after enforce-1")
	s.mustApply(plan, "enforce-1")
	s.now = noon.Add(days - time.Second)
	s.mustRefuse(plan, "enforce-2", "batch enforce-1 has to be in place for 1d before enforce-2, which is until 2026-11-22 12:00Z")
	s.now = noon.Add(days)
	s.mustApply(plan, "enforce-2")
	if got := s.modes(); got != "enforce enforce enforce" {
		t.Errorf("modes %s", got)
	}
}

// A plan made later waits for a batch of an earlier one, and not for one that
// was rolled back.
func TestApplyAfterAnEarlierPlan(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.plan()
	s.mustApply(first, "observe-1")
	s.mustApply(first, "enforce-1")
	second := s.ordered()
	second.Batches = second.Batches[2:]
	s.now = noon.Add(time.Hour)
	s.mustRefuse(second, "enforce-2", "batch enforce-1 has to be in place")
	if _, err := s.rollback(RollbackOptions{Subject: "key/a/k1"}); err != nil {
		t.Fatal(err)
	}
	second.Inputs.Rollout = s.rollout().Digest()
	s.now = noon.Add(2 * days)
	s.mustRefuse(second, "enforce-2", "batch enforce-2 comes after enforce-1, and key/a/k1 of that was rolled back")
}

func TestApplyOnlyInTheWindow(t *testing.T) {
	t.Parallel()
	s := newSite(t) // noon is on a Saturday
	plan := s.plan()
	plan.Window = &schemas.ChangeWindow{Days: []string{"mon"}}
	s.mustRefuse(plan, "observe-1", "there are no changes on a Saturday")
	plan.Window.Freezes = []schemas.Freeze{{From: "2026-01-01", Until: "2030-01-01"}}
	s.mustRefuse(plan, "observe-1", "changes are frozen")
	plan.Window = &schemas.ChangeWindow{Days: []string{"sat"}, Hours: "12:00-12:01"}
	s.mustApply(plan, "enforce-1")
	plan.Window.Days = []string{"mon"}
	if _, err := s.rollback(RollbackOptions{All: true}); err != nil {
		t.Errorf("a step back is held up: %v", err)
	}
}

func TestApplyWantsASignature(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	plan := s.plan()
	signed := *plan
	if err := signed.Sign(schemas.NewSecret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))); err != nil {
		t.Fatal(err)
	}
	apply := func(plan *schemas.Plan, key schemas.PublicKey) error {
		_, err := Apply(t.Context(), ApplyOptions{Plan: plan, RolloutPath: s.path, Batch: "observe-1", Now: noon, Who: "dana", SignedBy: key})
		return err
	}
	key := signed.Signature.Key
	if len(public) != 32 || len(key) != len("ed25519:")+44 {
		t.Fatalf("key %s", key)
	}
	edited := signed
	edited.Created = noon.Add(-time.Second)
	for name, plan := range map[string]*schemas.Plan{"unsigned": plan, "edited": &edited} {
		if err := apply(plan, key); !errors.Is(err, ErrRefused) || len(schemas.Hints(err)) == 0 {
			t.Errorf("%s: error %v, want a refusal", name, err)
		}
	}
	if err := apply(&signed, key); err != nil {
		t.Error(err)
	}
}

// A brownout ends by itself: a step back has nothing to do then, and a step
// forward takes its fields out of the file.
func TestStepsEndBrownouts(t *testing.T) {
	t.Parallel()
	brownout := strings.NewReplacer(
		"mode: observe\n", "mode: enforce\n    until: 2026-11-21T11:00:00Z # one hour\n    then: observe\n",
		"mode: observe, since", "until: 2026-11-21T11:00:00Z, then: observe, mode: enforce, since",
		"secret: file:a2.key", "secret: file:a2.key, share: 5",
	).Replace(rolloutText)
	over, during := newSite(t), newSite(t)
	writeFile(t, over.path, brownout)
	writeFile(t, during.path, brownout)
	if result, err := over.rollback(RollbackOptions{All: true}); err != nil || len(result.Entries) != 0 {
		t.Errorf("a brownout that is over is rolled back: %v, %v", result, err)
	}
	over.mustApply(over.plan(), "enforce-1")
	during.now = noon.Add(-2 * time.Hour)
	if _, err := during.rollback(RollbackOptions{All: true}); err != nil {
		t.Fatal(err)
	}
	for s, mode := range map[*site]schemas.Mode{over: schemas.ModeEnforce, during: schemas.ModeObserve} {
		for _, name := range []string{"key/a/k1", "key/a/k2"} {
			got := s.rollout().Subjects[name]
			if got.Mode != mode || !got.Until.IsZero() || got.Then != "" || got.Share != 0 {
				t.Errorf("%s is %+v, want %s and nothing of the brownout", name, got, mode)
			}
		}
		if text := s.read(); strings.Contains(text, "until") || !strings.Contains(text, "# a Sunday") {
			t.Errorf("the file is\n%s", text)
		}
	}
}

// A share grows to all clients in one step, and a retirement is a step back
// that only a batch for it may take, beside a key that stays.
func TestApplySharesAndRetirements(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	writeFile(t, s.path, strings.Replace(rolloutText, "mode: observe, since", "mode: enforce, share: 5, since", 1))
	plan := s.plan()
	plan.Batches = []schemas.Batch{
		{ID: "enforce-1", Steps: []schemas.Step{
			{Subject: "key/a/k1", From: schemas.ModeObserve, To: schemas.ModeEnforce}, {Subject: "key/a/k2", From: schemas.ModeEnforce, To: schemas.ModeEnforce},
		}},
		{ID: "retire-1", Steps: []schemas.Step{{Subject: "key/a/k1", From: schemas.ModeEnforce, To: schemas.ModeObserve}}},
		{ID: "retire-2", Steps: []schemas.Step{{Subject: "key/a/k2", From: schemas.ModeEnforce, To: schemas.ModeObserve}}},
	}
	s.mustApply(plan, "enforce-1")
	if r := s.rollout(); r.Subjects["key/a/k2"].Share != 0 || r.Subjects["key/a/k2"].Batch != "enforce-1" {
		t.Errorf("the share is left: %+v", r.Subjects["key/a/k2"])
	}
	s.mustApply(plan, "retire-1")
	if got := s.modes(); got != "observe enforce disabled" {
		t.Errorf("modes %s", got)
	}
	s.mustRefuse(plan, "retire-2", "key/a/k2: no other key of its app is enforced any more")
}
