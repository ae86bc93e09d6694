package migrate

import (
	"slices"
	"time"

	"lockstep/schemas"
)

// NewPlan judges every subject of the rollout and proposes the steps that may
// be taken now. It is pure: the same input gives the same plan. The caller
// writes it with [schemas.Plan.Encode], which gives it its id.
func NewPlan(in Input) (*schemas.Plan, error) {
	in.setDefaults()
	in.Now = in.Now.UTC().Truncate(time.Second) // as the plan has it, so that it can be made again
	tier, err := in.check()
	if err != nil {
		return nil, err
	}
	inputs, err := in.digests()
	if err != nil {
		return nil, err
	}
	in.Rollout = in.Rollout.At(in.Now)
	if err := in.checkRetire(); err != nil {
		return nil, err
	}
	gate := newGate(&in)
	plan := &schemas.Plan{
		Version: 1, Environment: in.Rollout.Environment, Tier: tier,
		Created: in.Now, Expires: in.Now.Add(time.Duration(gate.limits.PlanValid)), Complete: gate.completeUntil(),
		Inputs: inputs, Target: in.Target, Window: in.Policy.Batching(tier).Window, Subjects: gate.verdicts(), Keys: gate.keyUses(),
	}
	if !gate.ends.IsZero() && gate.ends.Before(plan.Expires) {
		plan.Expires = gate.ends
	}
	if in.Evidence.failed != nil { // the gate has not seen all of it
		return nil, in.Evidence.failed
	}
	plan.Batches = gate.batches(plan.Subjects)
	plan.Rollback = wayBack(plan.Batches, in.Rollout)
	for i := range plan.Batches {
		plan.Batches[i].Rollback = wayBackFrom(plan.Batches[:i+1], in.Rollout)
	}
	return plan, nil
}

// wayBack lists the steps that undo all batches, newest first. Keys of an app
// that are enforced already go along, or the clients of the key that steps
// back would be refused by them.
func wayBack(batches []schemas.Batch, rollout *schemas.Rollout) []schemas.Step {
	after := modesAfter(batches, rollout)
	back := []schemas.Step{}
	for _, b := range slices.Backward(batches) {
		back = append(back, undo(b, after)...)
	}
	return back
}

// wayBackFrom lists the steps that undo the last of the batches.
func wayBackFrom(batches []schemas.Batch, rollout *schemas.Rollout) []schemas.Step {
	return undo(batches[len(batches)-1], modesAfter(batches, rollout))
}

// modesAfter holds the mode of every subject once all batches are applied.
func modesAfter(batches []schemas.Batch, rollout *schemas.Rollout) map[string]schemas.Mode {
	after := map[string]schemas.Mode{}
	for name, subject := range rollout.Subjects {
		after[name] = subject.Mode
	}
	for _, b := range batches {
		for _, s := range b.Steps {
			after[s.Subject] = s.To
		}
	}
	return after
}

// undo takes the steps of a batch back, in modes too.
func undo(batch schemas.Batch, modes map[string]schemas.Mode) []schemas.Step {
	var back []schemas.Step
	for _, s := range slices.Backward(batch.Steps) {
		to := wayBackMode(s)
		for _, name := range slices.Backward(withSiblings([]string{s.Subject}, modes)) {
			if modes[name] != to { // a sibling may have taken it along
				back = append(back, schemas.Step{Subject: name, From: modes[name], To: to})
				modes[name] = to
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
