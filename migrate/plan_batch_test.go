package migrate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

// fleetVerdicts makes up as many apps as are asked for, each ready.
func fleetVerdicts(random *rand.Rand, n int) []schemas.SubjectVerdict {
	var all []schemas.SubjectVerdict
	for i := range n {
		v := schemas.SubjectVerdict{
			From: schemas.ModeObserve, To: schemas.ModeEnforce, Verdict: schemas.VerdictPromote,
			Clients: random.IntN(60), Risk: &schemas.Risk{Total: random.Float64() / 20},
		}
		for k := range 1 + random.IntN(2) {
			v.Subject = fmt.Sprintf("key/app%d/k%d", i, k)
			all = append(all, v)
		}
	}
	return all
}

func fleetGate(limits schemas.Batching) *gate {
	return &gate{in: &Input{
		Now: noon, Rollout: &schemas.Rollout{Tier: schemas.TierProduction},
		Policy: &schemas.Policy{Batches: map[schemas.Tier]schemas.Batching{schemas.TierProduction: limits}},
	}}
}

// No batch exceeds the budget or the number of apps, none but one of a single
// app that does so alone; nothing is lost, the keys of an app stay together,
// and harm grows from batch to batch.
func TestBatchesStayWithinBudget(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 2))
		budget, apps := random.Float64()*5, 1+random.IntN(12)
		verdicts := fleetVerdicts(random, 1+random.IntN(80))
		batches := fleetGate(schemas.Batching{Budget: &budget, MaxApps: &apps}).batches(verdicts)
		steps, last := 0, 0.0
		seen := map[string]string{}
		for _, b := range batches {
			inBatch := map[string]float64{}
			for _, s := range b.Steps {
				app, _ := appOf(s.Subject)
				if other := seen[app]; other != "" && other != b.ID {
					t.Fatalf("seed %d: %s is in %s and %s", seed, app, other, b.ID)
				}
				seen[app] = b.ID
				i := slices.IndexFunc(verdicts, func(v schemas.SubjectVerdict) bool { return v.Subject == s.Subject })
				inBatch[app] = expectedHarm(&verdicts[i])
				steps++
			}
			if len(inBatch) > apps || len(inBatch) > 1 && b.Harm > budget {
				t.Fatalf("seed %d: %s has %d apps of %d and harm %g of %g", seed, b.ID, len(inBatch), apps, b.Harm, budget)
			}
			for app, harm := range inBatch {
				if harm < last {
					t.Fatalf("seed %d: %s of harm %g comes after one of %g", seed, app, harm, last)
				}
			}
			for _, harm := range inBatch {
				last = max(last, harm)
			}
		}
		if steps != len(verdicts) {
			t.Fatalf("seed %d: %d steps of %d", seed, steps, len(verdicts))
		}
	}
}

// The order of the verdicts changes nothing, and each batch names the one before.
func TestBatchesFollowEachOther(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 3))
	verdicts := fleetVerdicts(random, 40)
	want := fleetGate(schemas.Batching{}).batches(verdicts)
	for i, b := range want {
		if after := fmt.Sprintf("enforce-%d", i); i > 0 && (b.After != after || b.Bake.String() != "1d") || i == 0 && b.After != "" {
			t.Errorf("%s comes %s after %q", b.ID, b.Bake, b.After)
		}
	}
	if len(want) < 4 {
		t.Fatalf("%d batches of 40 apps, 10 at most in each", len(want))
	}
	random.Shuffle(len(verdicts), func(i, j int) { verdicts[i], verdicts[j] = verdicts[j], verdicts[i] })
	if diff := cmp.Diff(want, fleetGate(schemas.Batching{}).batches(verdicts)); diff != "" {
		t.Errorf("the order of the verdicts matters:\n%s", diff)
	}
}

// A batch that was applied an hour ago is waited for also by the next plan.
func TestBatchesAwaitTheLastPlan(t *testing.T) {
	t.Parallel()
	g := fleetGate(schemas.Batching{})
	g.in.Rollout.Subjects = map[string]schemas.RolloutSubject{
		"key/x/k1": {Mode: schemas.ModeEnforce, Since: ago(1), Batch: "enforce-7"},
		"key/y/k1": {Mode: schemas.ModeEnforce, Since: ago(2), Batch: "enforce-6"},
		"key/z/k1": {Mode: schemas.ModeObserve, Since: ago(0.5), Batch: "observe-9"},
	}
	verdicts := fleetVerdicts(rand.New(rand.NewPCG(1, 1)), 1)
	if b := g.batches(verdicts)[0]; b.ID != "enforce-8" || b.After != "enforce-7" || b.Bake == 0 {
		t.Errorf("batch %s comes %s after %s, want enforce-8 a day after enforce-7", b.ID, b.Bake, b.After)
	}
	g.in.Now = noon.Add(23 * time.Hour)
	if b := g.batches(verdicts)[0]; b.After != "" || b.Bake != 0 {
		t.Errorf("a day later the batch still waits %s for %s", b.Bake, b.After)
	}
}

// What shares a factor with an app that was rolled back waits until that one
// is ready again; others go on.
func TestSharedFactorFreezes(t *testing.T) {
	t.Parallel()
	verdict := func(subject string, v schemas.Verdict, factors ...string) schemas.SubjectVerdict {
		return schemas.SubjectVerdict{Subject: subject, From: schemas.ModeObserve, To: schemas.ModeEnforce, Verdict: v, Factors: factors}
	}
	for name, test := range map[string]struct {
		failed schemas.Verdict
		batch  string
		want   schemas.Verdict
	}{
		"rolled back":           {schemas.VerdictBlocked, "enforce-1", schemas.VerdictWait},
		"ready again":           {schemas.VerdictPromote, "enforce-1", schemas.VerdictPromote},
		"never enforced before": {schemas.VerdictBlocked, "observe-1", schemas.VerdictPromote},
	} {
		g := fleetGate(schemas.Batching{})
		g.in.Rollout.Subjects = map[string]schemas.RolloutSubject{"key/a/k1": {Mode: schemas.ModeObserve, Batch: test.batch}}
		verdicts := []schemas.SubjectVerdict{
			verdict("key/a/k1", test.failed, "owner=x", "sdk=2"), verdict("key/b/k1", schemas.VerdictPromote, "sdk=2"),
			verdict("key/c/k1", schemas.VerdictPromote, "sdk=3"),
		}
		g.freeze(verdicts)
		if verdicts[1].Verdict != test.want || verdicts[2].Verdict != schemas.VerdictPromote {
			t.Errorf("%s: %s %q and %s, want %s and promote", name, verdicts[1].Verdict, verdicts[1].Reasons, verdicts[2].Verdict, test.want)
		}
	}
}
