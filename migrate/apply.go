package migrate

import (
	"context"
	"iter"
	"regexp"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// ApplyOptions say what [Apply] does.
type ApplyOptions struct {
	Plan        *schemas.Plan
	RolloutPath string
	Batch       string // may be empty if the plan has only one
	Now         time.Time
	Who         string // for the journal
	DryRun      bool   // change nothing

	SignedBy schemas.PublicKey // that the plan has to be signed with; empty if it need not be

	Target  KeyStore             // where the keys live too; nil: the rollout file is all there is
	Secrets schemas.SecretSource // of the rollout, for the target
}

// Apply takes the steps of one batch of a plan. It refuses a plan that was
// made from another state of the rollout file, and steps that skip a mode. A
// refusal matches [ErrRefused], and leaves everything as it is. A batch that
// was applied already is left alone, so that after a crash, wherever it struck,
// it is enough to apply it again.
func Apply(ctx context.Context, o ApplyOptions) (*Result, error) {
	batch, err := chooseBatch(o.Plan, o.Batch)
	if err != nil {
		return nil, err
	}
	a := &act{path: o.RolloutPath, now: o.Now, who: o.Who, dryRun: o.DryRun, target: o.Target, secrets: o.Secrets}
	switch {
	case o.Target == nil && o.Plan.Target != nil:
		return nil, refuse("add --target "+printable(o.Plan.Target.Name), "the plan is for the keys of %s, and not for the rollout file alone", printable(o.Plan.Target.Name))
	case o.Target != nil:
		return a.applyToTarget(ctx, o, batch)
	}
	return a.run(ctx, func() (schemas.JournalEntry, error) { return a.entry(o, batch) })
}

// entry announces what is left of a batch; it is without changes if nothing is.
func (a *act) entry(o ApplyOptions, batch schemas.Batch) (schemas.JournalEntry, error) {
	batch.Steps = a.left(o.Plan, batch)
	if len(batch.Steps) == 0 {
		return schemas.JournalEntry{}, nil
	}
	if err := a.checkPlan(o.Plan); err != nil {
		return schemas.JournalEntry{}, err
	}
	if err := a.checkTurn(o.Plan, batch, o.SignedBy); err != nil {
		return schemas.JournalEntry{}, err
	}
	changes, err := a.steps(batch)
	return schemas.JournalEntry{
		Action: schemas.ActionApply, Plan: o.Plan.ID, Batch: batch.ID, Changes: changes,
	}, err
}

// batchName keeps names of batches safe in a rollout file and on a command line.
var batchName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// chooseBatch finds a batch of the plan by its name.
func chooseBatch(plan *schemas.Plan, name string) (schemas.Batch, error) {
	names := make([]string, len(plan.Batches))
	for i, b := range plan.Batches {
		names[i] = printable(b.ID)
	}
	i := slices.IndexFunc(plan.Batches, func(b schemas.Batch) bool { return b.ID == name })
	switch {
	case len(plan.Batches) == 0:
		return schemas.Batch{}, refuse("make a new one with `lockstep migrate plan` once more is ready", "nothing in this plan is ready")
	case name == "" && len(names) == 1:
		i = 0
	case name == "":
		return schemas.Batch{}, refuse("choose one with --batch: "+strings.Join(names, ", "), "the plan has several batches")
	case i < 0:
		return schemas.Batch{}, refuse("the batches are "+strings.Join(names, ", "), "the plan has no batch %s", printable(name))
	}
	batch := plan.Batches[i]
	switch {
	case !batchName.MatchString(batch.ID):
		return schemas.Batch{}, refuse("use small letters, digits and dashes", "%s is not a name for a batch", printable(batch.ID))
	case len(batch.Steps) == 0:
		return schemas.Batch{}, refuse("make a new plan with `lockstep migrate plan`", "batch %s is empty", batch.ID)
	}
	return batch, nil
}

// checkPlan makes sure that the plan is for this rollout as it is now.
func (a *act) checkPlan(plan *schemas.Plan) error {
	const again = "make a new one with `lockstep migrate plan`"
	switch {
	case plan.Environment != a.rollout.Environment || plan.Tier != a.rollout.Tier:
		return refuse("name the rollout file that the plan was made for", "the plan is for %s (%s), the rollout file is for %s (%s)",
			printable(plan.Environment), plan.Tier, printable(a.rollout.Environment), a.rollout.Tier)
	case a.now.Before(plan.Created):
		return refuse("check the clock, or --now", "the plan was made at %s, which is not yet", minute(plan.Created))
	case !a.now.Before(plan.Expires):
		return refuse(again, "the plan expired at %s", minute(plan.Expires))
	case a.rollout.Digest() != plan.Inputs.Rollout && !a.movedOnlyBy(plan):
		return refuse(again, "the plan is stale: the rollout file has changed since it was made")
	}
	return nil
}

// movedOnlyBy reports whether the rollout differs from what the plan was made
// from by other batches of the same plan alone.
func (a *act) movedOnlyBy(plan *schemas.Plan) bool {
	for e := range a.appliedOf(plan) {
		if e.Before == plan.Inputs.Rollout {
			return true
		}
	}
	return false
}

// left lists the steps of a batch that were not taken on the way to where the
// rollout is, which other batches of the plan may have taken farther.
func (a *act) left(plan *schemas.Plan, batch schemas.Batch) []schemas.Step {
	taken := map[string]bool{}
	for e := range a.appliedOf(plan) {
		for _, c := range e.Changes {
			taken[c.Subject] = taken[c.Subject] || e.Batch == batch.ID
		}
	}
	return slices.DeleteFunc(slices.Clone(batch.Steps), func(s schemas.Step) bool { return taken[s.Subject] })
}

// appliedOf yields the batches of a plan that led to the rollout as it is,
// newest first, up to the first thing that happened otherwise. An entry that
// was abandoned never happened.
func (a *act) appliedOf(plan *schemas.Plan) iter.Seq[schemas.JournalEntry] {
	return func(yield func(schemas.JournalEntry) bool) {
		entries, digest := slices.Concat(a.journal.Entries, a.pending), a.rollout.Digest()
		for i := len(entries) - 1; i >= 0; i-- {
			e := entries[i]
			if e.Action == schemas.ActionAbandoned {
				i-- // the one that it takes back
				continue
			}
			if e.Action == schemas.ActionDrill { // which moved nothing
				continue
			}
			if e.Action != schemas.ActionApply || e.Plan != plan.ID || e.After != digest || !yield(e) {
				return
			}
			digest = e.Before
		}
	}
}

// steps turns the steps of a batch into changes.
func (a *act) steps(batch schemas.Batch) ([]schemas.Change, error) {
	changes := make([]schemas.Change, 0, len(batch.Steps))
	for _, step := range batch.Steps {
		subject, ok := a.rollout.Subjects[step.Subject]
		switch {
		case !ok:
			return nil, refuse("make a new plan with `lockstep migrate plan`", "the rollout file does not list %s", printable(step.Subject))
		case subject.ModeAt(a.now) != step.From:
			return nil, refuse("make a new plan with `lockstep migrate plan`",
				"%s is in mode %s, not %s as in the plan", step.Subject, subject.ModeAt(a.now), step.From)
		}
		if err := a.checkStep(batch, step, subject); err != nil {
			return nil, err
		}
		changes = append(changes, a.move(step.Subject, step.To, batch.ID))
	}
	return changes, nil
}
