package migrate

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

const casesDir = "../testdata/migrate"

// noon is the time at which all cases are judged.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// golden compares got with a file; UPDATE=1 rewrites the file instead.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got), UPDATE=1 rewrites it:\n%s", path, diff)
	}
}

func document[T any](t *testing.T, path string, decode func(*schemas.Document) (*T, error)) *T {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := schemas.ParseDocument(path, source)
	if err != nil {
		t.Fatal(err)
	}
	value, err := decode(doc)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// caseInput reads the input of a golden case.
func caseInput(t *testing.T, dir string) Input {
	t.Helper()
	in := Input{
		Now:       noon,
		Policy:    document(t, filepath.Join(dir, "policy.yaml"), schemas.DecodePolicy),
		Rollout:   document(t, filepath.Join(dir, "rollout.yaml"), schemas.DecodeRollout),
		Inventory: document(t, filepath.Join(dir, "inventory.yaml"), schemas.DecodeInventory),
	}
	in.Secrets = CheckSecrets(in.Rollout, schemas.SecretSource{Getenv: func(name string) string {
		return map[string]string{"KEY_OK": "CANARY-key"}[name]
	}})
	in.Evidence = gather(t, filepath.Join(dir, "events.jsonl"), in.Rollout.Environment)
	return in
}

func gather(t *testing.T, pattern, environment string) *Evidence {
	t.Helper()
	files, err := NewFiles([]string{pattern}, nil)
	if err != nil {
		t.Fatal(err)
	}
	evidence, err := Gather(t.Context(), files, Options{Dialect: eventDialect{}, Environment: environment})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = evidence.Close() })
	return evidence
}

func encode(t *testing.T, in Input) []byte {
	t.Helper()
	plan, err := NewPlan(in)
	if err != nil {
		t.Fatal(err)
	}
	text, err := plan.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func caseDirs(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(casesDir, "*", "rollout.yaml"))
	if err != nil || len(dirs) < 5 {
		t.Fatalf("found %d cases, error %v", len(dirs), err)
	}
	for i := range dirs {
		dirs[i] = filepath.Dir(dirs[i])
	}
	return dirs
}

func TestNewPlanGolden(t *testing.T) {
	t.Parallel()
	for _, dir := range caseDirs(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			in := caseInput(t, dir)
			text := encode(t, in)
			golden(t, filepath.Join(dir, "plan.golden.yaml"), text)

			plan := decodePlan(t, text)
			var people bytes.Buffer
			if err := WritePlan(&people, plan, "plan.yaml", "rollout.yaml"); err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join(dir, "plan.golden.txt"), people.Bytes())

			var evidence, programs bytes.Buffer
			if err := errors.Join(in.Evidence.WriteText(&evidence), in.Evidence.WriteJSON(&programs)); err != nil {
				t.Fatal(err)
			}
			shown := people.String() + evidence.String()
			if strings.Contains(shown+string(text)+programs.String(), "CANARY") {
				t.Errorf("a secret is shown:\n%s%s", shown, programs.String())
			}
			if i := strings.IndexAny(shown, "\x1b\u202e"); i >= 0 {
				t.Errorf("the name of a client reaches the terminal raw, at byte %d", i)
			}
		})
	}
}

func decodePlan(t *testing.T, text []byte) *schemas.Plan {
	t.Helper()
	doc, err := schemas.ParseDocument("plan.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := schemas.DecodePlan(doc)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// The same input gives the same bytes, in whatever order it comes.
func TestNewPlanIsDeterministic(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"in-the-way", "expected", "batches"} {
		holdDeterministic(t, filepath.Join(casesDir, name))
	}
}

func holdDeterministic(t *testing.T, dir string) {
	t.Helper()
	want := encode(t, caseInput(t, dir))
	log, err := os.ReadFile(filepath.Join(dir, "events.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 1))
		in := caseInput(t, dir)
		in.Evidence = scatter(t, random, bytes.SplitAfter(log, []byte("\n")))
		random.Shuffle(len(in.Inventory.Clients), func(i, j int) {
			c := in.Inventory.Clients
			c[i], c[j] = c[j], c[i]
		})
		slices.Reverse(in.Inventory.Strangers)
		in.Now = in.Now.In(time.FixedZone("Shanghai", 8*3600))
		if diff := cmp.Diff(string(want), string(encode(t, in))); diff != "" {
			t.Fatalf("%s: seed %d gives another plan:\n%s", dir, seed, diff)
		}
	}
}

// scatter folds lines in random order out of several files, some of them twice.
func scatter(t *testing.T, random *rand.Rand, lines [][]byte) *Evidence {
	t.Helper()
	lines = slices.Concat(lines, lines[:random.IntN(len(lines))])
	random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	dir := t.TempDir()
	for i := range 1 + random.IntN(4) {
		path := filepath.Join(dir, string(rune('a'+i)))
		n := random.IntN(len(lines) + 1)
		if i == 0 {
			n = len(lines)
		}
		if err := os.WriteFile(path, bytes.Join(lines[:n], nil), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return gather(t, filepath.Join(dir, "*"), "pro-eu")
}

func TestNewPlanRefusesWhatDoesNotBelongTogether(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(casesDir, "ready")
	tests := map[string]struct {
		change func(*Input)
		want   string
	}{
		"tier": {func(in *Input) {
			in.Policy.Environments["pro-eu"] = schemas.Environment{Tier: schemas.TierStaging}
		}, "environment pro-eu: the policy says staging, the rollout says production"},
		"environment": {
			func(in *Input) { in.Evidence.Environment = "fat\x1b" },
			`the logs are of environment "fat\x1b", the rollout is of pro-eu`,
		},
		"a time whose end has no text": {
			func(in *Input) { in.Now = time.Date(9001, 1, 1, 0, 0, 0, 0, time.UTC) },
			"it is not after the year 9000 yet",
		},
		"an app of the inventory that is a slip": {
			func(in *Input) {
				in.Inventory.Clients = []schemas.InventoryClient{{App: "shop", Client: "c"}, {App: "dmeo", Client: "c"}}
			},
			"the inventory names app dmeo, which the rollout does not list",
		},
	}
	for name, test := range tests {
		in := caseInput(t, dir)
		test.change(&in)
		_, err := NewPlan(in)
		if err == nil || err.Error() != test.want || len(schemas.Hints(err)) == 0 {
			t.Errorf("%s: error %q, want %q and a hint", name, err, test.want)
		}
	}
}

// Without policy, inventory and logs there is a plan, and it is not a pass.
func TestNewPlanOfNothing(t *testing.T) {
	t.Parallel()
	in := Input{Now: noon, Rollout: caseInput(t, filepath.Join(casesDir, "first-day")).Rollout}
	plan, err := NewPlan(in)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Inputs.Policy != "" || plan.Inputs.Inventory != "" || len(plan.Batches) != 0 {
		t.Errorf("inputs %+v and batches %v, want no policy, inventory or batch", plan.Inputs, plan.Batches)
	}
	for _, v := range plan.Subjects {
		if v.Verdict != schemas.VerdictInconclusive || len(v.Reasons) != 2 {
			t.Errorf("%s: %s %q, want inconclusive for want of nodes and secret", v.Subject, v.Verdict, v.Reasons)
		}
	}
}

func TestWritePlanQuotesForTheShell(t *testing.T) {
	t.Parallel()
	plan := decodePlan(t, encode(t, caseInput(t, filepath.Join(casesDir, "ready"))))
	var text strings.Builder
	if err := WritePlan(&text, plan, "my plan's.yaml", "$HOME/r.yaml"); err != nil {
		t.Fatal(err)
	}
	want := `lockstep migrate apply 'my plan'\''s.yaml' --rollout '$HOME/r.yaml' --batch enforce-1`
	if !strings.Contains(text.String(), want) {
		t.Errorf("no line %q in\n%s", want, text.String())
	}
}

type brokenWriter struct{}

var errBroken = errors.New("disk full")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestReportsNoticeBrokenWriters(t *testing.T) {
	t.Parallel()
	in := caseInput(t, filepath.Join(casesDir, "ready"))
	plan := decodePlan(t, encode(t, in))
	for name, err := range map[string]error{
		"plan":     WritePlan(brokenWriter{}, plan, "p", "r"),
		"text":     in.Evidence.WriteText(brokenWriter{}),
		"json":     in.Evidence.WriteJSON(brokenWriter{}),
		"journal":  WriteJournal(brokenWriter{}, nil),
		"no steps": (&Result{}).WriteText(brokenWriter{}),
	} {
		if !errors.Is(err, errBroken) {
			t.Errorf("%s: error %v, want %v", name, err, errBroken)
		}
	}
}

// TestInventoryOfNeighbours takes an inventory that lists two apps with names
// close to each other, of which one is in this rollout.
func TestInventoryOfNeighbours(t *testing.T) {
	t.Parallel()
	in := Input{
		Rollout:   &schemas.Rollout{Subjects: map[string]schemas.RolloutSubject{"key/billing-eu/k1": {}}},
		Inventory: &schemas.Inventory{Clients: []schemas.InventoryClient{{App: "billing-us", Client: "c"}}},
	}
	if err := in.checkInventory(); err == nil {
		t.Error("a slip alone is taken")
	}
	in.Inventory.Clients = append(in.Inventory.Clients, schemas.InventoryClient{App: "billing-eu", Client: "c"})
	if err := in.checkInventory(); err != nil {
		t.Errorf("two apps with close names: %v", err)
	}
}

// TestLastBatch makes sure that no two batches that a rollback could mean
// share a name.
func TestLastBatch(t *testing.T) {
	t.Parallel()
	rollout := &schemas.Rollout{Subjects: map[string]schemas.RolloutSubject{
		"key/a/1": {Batch: "enforce-2"}, "key/b/1": {Batch: "enforce-10"}, "key/c/1": {Batch: "observe-x"}, "key/d/1": {},
		"key/e/1": {Batch: "enforce-3"}, "key/f/1": {Batch: "enforce-1"},
	}}
	for range 50 { // a map comes in another order each time
		for kind, want := range map[string]int{batchEnforce: 10, batchObserve: 0} {
			if got := lastBatch(kind, rollout); got != want {
				t.Fatalf("last batch is %s-%d, want %d", kind, got, want)
			}
		}
	}
}
