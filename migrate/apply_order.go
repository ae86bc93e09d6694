package migrate

import (
	"strings"
	"time"

	"lockstep/schemas"
)

// checkTurn makes sure that a batch may be applied now: the plan is signed if
// it has to be, changes are allowed, and the batch before has baked.
func (a *act) checkTurn(plan *schemas.Plan, batch schemas.Batch, signedBy schemas.PublicKey) error {
	if signedBy != "" {
		if err := plan.VerifySignature(signedBy); err != nil {
			return refuse("sign it with `lockstep migrate plan --sign-key REF`, with the key of rollout.signed_by in the policy", "%w", err)
		}
	}
	if reason := plan.Window.Closed(a.now); reason != "" {
		hint := "ask whoever keeps the policy"
		if opens := plan.Window.Opens(a.now); !opens.IsZero() {
			hint = "the next change can be made " + minute(opens)
		}
		return refuse(hint, "%s", reason)
	}
	if batch.After == "" {
		return nil
	}
	return a.checkBaked(plan, batch)
}

// checkBaked makes sure that all of the batch before has been applied, and for
// long enough that what it breaks would have shown.
func (a *act) checkBaked(plan *schemas.Plan, batch schemas.Batch) error {
	var since time.Time
	for _, name := range a.rollout.Names() { // in order, or the refusal would name another subject each time
		s := a.rollout.Subjects[name]
		if s.Batch == batch.After {
			since = later(since, s.Since)
		}
		if s.Batch == batch.After && s.Mode != schemas.ModeEnforce && !strings.HasPrefix(s.Batch, batchRetire+"-") {
			return refuse("find out why, and make a new plan", "batch %s comes after %s, and %s of that was rolled back",
				batch.ID, printable(batch.After), name)
		}
	}
	for _, before := range plan.Batches {
		for _, step := range before.Steps {
			if before.ID == batch.After && a.rollout.Subjects[step.Subject].Batch != batch.After {
				return refuse("apply that one first", "batch %s comes after %s", batch.ID, printable(batch.After))
			}
		}
	}
	if ready := since.Add(time.Duration(batch.Bake)); a.now.Before(ready) {
		return refuse("look at the clients of that batch until then; a plan that has expired by then is made again",
			"batch %s has to be in place for %s before %s, which is until %s", printable(batch.After), batch.Bake, batch.ID, minute(ready))
	}
	return nil
}

// checkStep makes sure that a step is one forward, the rest of a share, or
// part of a retirement beside a key that stays enforced.
func (a *act) checkStep(batch schemas.Batch, step schemas.Step, subject schemas.RolloutSubject) error {
	if subject.Partial() && step.To == schemas.ModeEnforce {
		return nil
	}
	if a.target != nil && step.To == schemas.ModeEnforce && a.besideEnforced(step.Subject) {
		return nil // Apollo would not look at it in observe, and it only lets more pass
	}
	if err := subject.ModeAt(a.now).CheckStep(step.To); err != nil {
		return refusal{err}
	}
	if !step.To.Weaker(step.From) {
		return nil
	}
	if !strings.HasPrefix(batch.ID, batchRetire+"-") {
		return refuse("use `lockstep migrate rollback`", "%s: a plan does not step back", step.Subject)
	}
	if a.besideEnforced(step.Subject) {
		return nil
	}
	return refuse("make a new plan with `lockstep migrate plan`", "%s: no other key of its app is enforced any more", step.Subject)
}

// besideEnforced reports whether another key of the app of a subject enforces.
func (a *act) besideEnforced(subject string) bool {
	_, id := appOf(subject)
	for name, other := range a.rollout.Subjects {
		if _, otherID := appOf(name); otherID == id && name != subject && other.ModeAt(a.now) == schemas.ModeEnforce {
			return true
		}
	}
	return false
}
