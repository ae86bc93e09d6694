package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"lockstep/schemas"
)

// applyToTarget takes the steps of a batch app by app: all that can be known
// to stop it is looked at before the first one, and the first that fails ends
// it. What was done until then is in the result, and in the rollout file.
func (a *act) applyToTarget(ctx context.Context, o ApplyOptions, batch schemas.Batch) (*Result, error) {
	path, release, err := a.lock()
	if err != nil {
		return nil, err
	}
	defer release()
	done, first := &Result{}, true
	for {
		result, err := a.step(ctx, path, func() (schemas.JournalEntry, error) {
			entry, err := a.entry(o, batch)
			if err != nil || len(entry.Changes) == 0 {
				return entry, err
			}
			err = a.enter(ctx, o.Plan, &entry, first || o.DryRun)
			first = false
			return entry, err
		})
		if result != nil {
			done.Entries = append(done.Entries, result.Entries...)
		}
		if err != nil {
			return done, stopped(err, done, batch.ID)
		}
		if o.DryRun || len(result.Entries) == 0 {
			return done, nil
		}
	}
}

// stopped adds to the error of a batch how far it came and how to go on. An
// error of before the first call leaves everything as it was.
func stopped(err error, done *Result, batch string) error {
	half, isHalf := errors.AsType[*halfway](err)
	switch {
	case isHalf:
		err = schemas.Hint(err, fmt.Sprintf("once that is mended, apply the batch again: it goes on there; or take it back with `lockstep migrate rollback --batch %s --target apollo`. A call without an answer may still take: look again with `lockstep migrate status --target apollo`", batch))
		return fmt.Errorf("stopped at %s: %w", some(half.subjects), err)
	case len(done.Entries) > 0:
		return schemas.Hint(fmt.Errorf("stopped half-way through batch %s: %w", batch, err),
			"apply the batch again once that is mended: it goes on there")
	}
	return err
}

// A halfway is the error of steps whose calls may have been made, while the
// rollout file does not show them.
type halfway struct {
	error
	subjects []string
}

func (h *halfway) Unwrap() error { return h.error }

// enter checks the changes of an entry against the target, keeps those of the
// first app, and gets their calls ready. With all, those of every app are
// checked.
func (a *act) enter(ctx context.Context, plan *schemas.Plan, entry *schemas.JournalEntry, all bool) error {
	if plan.Target == nil || plan.Target.Name != TargetApollo {
		return refuse("make it anew with `lockstep migrate plan --target apollo`", "the plan does not say how the keys were in Apollo when it was made")
	}
	groups := byApp(entry.Changes)
	for i, changes := range groups {
		if i > 0 && !all {
			break
		}
		steps, err := a.appSteps(ctx, plan, entry.Batch, changes)
		if err != nil {
			return err
		}
		if i == 0 {
			a.carry = steps.carry
			entry.Changes = changes
		}
		if a.dryRun {
			continue
		}
		if err := a.target.Probe(ctx, steps.app, steps.expected()); err != nil {
			return targetError{fmt.Errorf("app %s, before anything was done: %w", steps.app, err)}
		}
	}
	if a.dryRun {
		entry.Changes = slices.Concat(groups...)
	}
	return nil
}

// byApp sorts changes into one list for each app, in the order of the batch.
func byApp(changes []schemas.Change) [][]schemas.Change {
	var groups [][]schemas.Change
	place := map[string]int{}
	for _, c := range changes {
		_, id := appOf(c.Subject)
		i, ok := place[id]
		if !ok {
			i = len(groups)
			place[id], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], c)
	}
	return groups
}
