package migrate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep/schemas"
)

// NewPlan judges every subject of the rollout and proposes the steps that may
// be taken now. It is pure: the same input gives the same plan. The caller
// writes it with [schemas.Plan.Encode], which gives it its id.
func NewPlan(in Input) (*schemas.Plan, error) {
	in.setDefaults()
	tier, err := in.check()
	if err != nil {
		return nil, err
	}
	inputs, err := in.digests()
	if err != nil {
		return nil, err
	}
	now := in.Now.UTC().Truncate(time.Second)
	gate := newGate(&in)
	plan := &schemas.Plan{
		Version: 1, Environment: in.Rollout.Environment, Tier: tier,
		Created: now, Expires: now.Add(time.Duration(gate.limits.PlanValid)),
		Inputs: inputs, Subjects: gate.verdicts(),
	}
	if !gate.ends.IsZero() && gate.ends.Before(plan.Expires) {
		plan.Expires = gate.ends
	}
	if in.Evidence.failed != nil { // the gate has not seen all of it
		return nil, in.Evidence.failed
	}
	plan.Batches = batches(plan.Subjects, in.Rollout)
	plan.Rollback = wayBack(plan.Batches, in.Rollout)
	return plan, nil
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
