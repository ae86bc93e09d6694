package migrate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep/schemas"
)

// An Input is all that a plan is made from. Policy, Inventory and
// Evidence may be nil.
type Input struct {
	Now       time.Time
	Policy    *schemas.Policy
	Rollout   *schemas.Rollout
	Inventory *schemas.Inventory
	Evidence  *Evidence
	Secrets   map[string]error // by subject, see [CheckSecrets]
}

// CheckSecrets tries the reference of every subject that is not loaded yet.
// The result holds nil where it leads to a secret.
func CheckSecrets(rollout *schemas.Rollout, source schemas.SecretSource) map[string]error {
	found := map[string]error{}
	for name, subject := range rollout.Subjects {
		if subject.Mode == schemas.ModeDisabled {
			_, found[name] = source.Resolve(subject.Secret)
		}
	}
	return found
}

// NewPlan judges every subject of the rollout and proposes the steps that may
// be taken now. It is pure: the same input gives the same plan. The caller
// writes it with [schemas.Plan.Encode], which gives it its id.
func NewPlan(in Input) (*schemas.Plan, error) {
	in.setDefaults()
	tier, err := schemas.AgreeOnTier(
		schemas.TierClaim{Source: "the policy", Tier: in.Policy.Environments[in.Rollout.Environment].Tier},
		schemas.TierClaim{Source: "the rollout", Tier: in.Rollout.Tier})
	if err != nil {
		return nil, fmt.Errorf("environment %s: %w", printable(in.Rollout.Environment), err)
	}
	if in.Evidence.Environment != "" && in.Evidence.Environment != in.Rollout.Environment {
		return nil, schemas.Hint(fmt.Errorf("the logs are of environment %s, the rollout is of %s",
			printable(in.Evidence.Environment), printable(in.Rollout.Environment)), "give the logs of the rollout's environment")
	}
	inputs, err := in.digests()
	if err != nil {
		return nil, err
	}
	now := in.Now.UTC().Truncate(time.Second)
	plan := &schemas.Plan{
		Version: 1, Environment: in.Rollout.Environment, Tier: tier,
		Created: now, Expires: now.Add(time.Duration(in.Policy.Gate(tier).PlanValid)),
		Inputs: inputs, Subjects: newGate(&in).verdicts(),
	}
	plan.Batches = batches(plan.Subjects, in.Rollout)
	plan.Rollback = wayBack(plan.Batches, in.Rollout)
	return plan, nil
}

func (in *Input) setDefaults() {
	if in.Policy == nil {
		in.Policy = &schemas.Policy{}
	}
	if in.Inventory == nil {
		in.Inventory = &schemas.Inventory{}
	}
	if in.Evidence == nil {
		in.Evidence = &Evidence{}
	}
}

// digests identify the inputs. A zero version means that a document was not given.
func (in *Input) digests() (schemas.PlanInputs, error) {
	inputs := schemas.PlanInputs{Rollout: in.Rollout.Digest()}
	var err error
	if inputs.Evidence, err = in.Evidence.Digest(); err != nil {
		return inputs, err
	}
	if in.Policy.Version != 0 {
		if inputs.Policy, err = digest("policy", in.Policy); err != nil {
			return inputs, err
		}
	}
	if in.Inventory.Version != 0 {
		inputs.Inventory, err = digest("inventory", sortedInventory(in.Inventory))
	}
	return inputs, err
}

// digest identifies what a document says, not how it is written.
func digest(name string, value any) (string, error) {
	text, err := json.Marshal(value) // maps are written in order
	if err != nil {
		return "", fmt.Errorf("digest %s: %w", name, err)
	}
	return schemas.Digest(text), nil
}

func sortedInventory(inventory *schemas.Inventory) *schemas.Inventory {
	sorted := *inventory
	sorted.Clients = slices.Clone(inventory.Clients)
	slices.SortFunc(sorted.Clients, func(a, b schemas.InventoryClient) int {
		return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.Client, b.Client))
	})
	return &sorted
}

// batches collects the steps that may be taken. Switching observe on changes
// no answer, so it is kept apart from what does.
func batches(verdicts []schemas.SubjectVerdict, rollout *schemas.Rollout) []schemas.Batch {
	var all []schemas.Batch
	for _, to := range []schemas.Mode{schemas.ModeObserve, schemas.ModeEnforce} {
		batch := schemas.Batch{ID: nextBatch(to, rollout)}
		for _, v := range verdicts {
			if v.Verdict == schemas.VerdictPromote && v.To == to {
				batch.Steps = append(batch.Steps, schemas.Step{Subject: v.Subject, From: v.From, To: v.To})
			}
		}
		if len(batch.Steps) > 0 {
			all = append(all, batch)
		}
	}
	return all
}

// nextBatch numbers on from the batches that brought the subjects to where
// they are, so that a rollback of one never means another.
func nextBatch(to schemas.Mode, rollout *schemas.Rollout) string {
	highest := 0
	for _, s := range rollout.Subjects {
		if number, ok := strings.CutPrefix(s.Batch, string(to)+"-"); ok {
			n, err := strconv.Atoi(number)
			if err == nil {
				highest = max(highest, n)
			}
		}
	}
	return fmt.Sprintf("%s-%d", to, highest+1)
}

// wayBack lists the steps that undo all batches, newest first. Keys of an app
// that are enforced already go along, or the clients of the key that steps
// back would be refused by them.
func wayBack(batches []schemas.Batch, rollout *schemas.Rollout) []schemas.Step {
	after := map[string]schemas.Mode{} // modes once all batches are applied
	for name, subject := range rollout.Subjects {
		after[name] = subject.Mode
	}
	for _, b := range batches {
		for _, s := range b.Steps {
			after[s.Subject] = s.To
		}
	}
	back := []schemas.Step{}
	for _, b := range slices.Backward(batches) {
		for _, s := range slices.Backward(b.Steps) {
			for _, name := range slices.Backward(withSiblings([]string{s.Subject}, after)) {
				if after[name] != s.From { // a sibling may have taken it along
					back = append(back, schemas.Step{Subject: name, From: after[name], To: s.From})
					after[name] = s.From
				}
			}
		}
	}
	return back
}

// withSiblings adds to subjects the enforcing keys of the apps of those that
// enforce; modes holds the mode of every subject. The result is in order.
func withSiblings(subjects []string, modes map[string]schemas.Mode) []string {
	apps := map[string]bool{}
	for _, name := range subjects {
		if _, id := appOf(name); modes[name] == schemas.ModeEnforce {
			apps[id] = true
		}
	}
	all := slices.Clone(subjects)
	for name, mode := range modes {
		if _, id := appOf(name); mode == schemas.ModeEnforce && apps[id] {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
