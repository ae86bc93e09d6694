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
		err = schemas.Hint(err, fmt.Sprintf("once that is mended, apply the batch again: it goes on there; or take it back with `lockstep migrate rollback --batch %s --target apollo`", batch))
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

// The appSteps are the steps of a batch that concern one app. They are taken as one,
// as Apollo asks the keys that observe only where none enforces: an app left
// half enforced refuses the clients of the other half.
type appSteps struct {
	*ring
	target KeyStore
	calls  []call
}

// A call is what a step asks of a target.
type call struct {
	subject string
	before  schemas.StoredKey // zero if the key has to be made first
	to      schemas.Mode
	done    bool // by an act that was stopped
}

// appSteps checks the steps of one app, and notes in the changes what the
// target has.
func (a *act) appSteps(ctx context.Context, plan *schemas.Plan, batch string, changes []schemas.Change) (*appSteps, error) {
	r, err := newRing(ctx, a.target, appNameOf(changes[0].Subject), a.rollout, a.secrets)
	if err != nil {
		return nil, err
	}
	g := &appSteps{ring: r, target: a.target}
	for i := range changes {
		c := &changes[i]
		call, err := g.plannedCall(c, plan.Target.Keys, a.meant(plan, batch, c.Subject))
		if err != nil {
			return nil, err
		}
		if call.before.ID != "" {
			c.Stored = &call.before
		}
		g.calls = append(g.calls, call)
	}
	return g, g.check()
}

func appNameOf(subject string) string {
	name, _ := appOf(subject)
	return name
}

// meant reports whether the journal ends with this step of the same plan, while
// the rollout file does not show it: an act was stopped between the two.
func (a *act) meant(plan *schemas.Plan, batch, subject string) bool {
	last := a.journal.last()
	return len(a.pending) > 0 && a.pending[0].Action == schemas.ActionAbandoned && last.Plan == plan.ID && last.Batch == batch &&
		slices.ContainsFunc(last.Changes, func(c schemas.Change) bool { return c.Subject == subject })
}

// plannedCall compares the key of a step with the before-image of the plan.
// Only where the step was meant before may it be where the step leads.
func (g *appSteps) plannedCall(c *schemas.Change, image map[string]schemas.StoredKey, meant bool) (call, error) {
	const again = "look at who changed it and why; then make a new plan"
	if err := g.faults[c.Subject]; err != nil {
		return call{}, refuse("put the secret where the reference leads", "%s: %w", c.Subject, err)
	}
	key, there := g.find(c.Subject)
	before, planned := image[c.Subject]
	made := call{subject: c.Subject, before: key, to: c.After.Mode}
	switch {
	case meant && there && key.Mode == made.to:
		made.done = true
		return made, nil
	case meant && there && !planned && key.Mode == schemas.ModeDisabled:
		return made, nil
	case there != planned && there:
		return call{}, refuse(again, "Apollo has %s in mode %s%s, and had no such key when the plan was made", c.Subject, key.Mode, touched(key))
	case there != planned:
		return call{}, refuse(again, "Apollo has no key with the secret of %s any more", c.Subject)
	case there && !key.Same(before):
		return call{}, refuse(again, "Apollo's key of %s is not as it was when the plan was made: it is in mode %s%s", c.Subject, key.Mode, touched(key))
	case !there && c.Before.Mode != schemas.ModeDisabled:
		return call{}, refuse("put the key that clients sign with into the rollout file", "Apollo has no key with the secret of %s", c.Subject)
	case there && key.Mode != made.to && key.Mode != storedMode(*c.Before, c.After.Since):
		return call{}, refuse(again, "Apollo has %s in mode %s%s, the rollout in mode %s", c.Subject, key.Mode, touched(key), c.Before.Mode)
	}
	made.done = there && key.Mode == made.to
	return made, nil
}

// maxKeys is how many keys Apollo lets an app have.
const maxKeys = 5

// check refuses what Apollo would do and nobody can mean.
func (g *appSteps) check() error {
	missing, moved, owner := 0, map[string]schemas.Mode{}, map[string]string{}
	for _, c := range g.calls {
		fingerprint := g.secrets[c.subject].Fingerprint()
		if other := owner[fingerprint]; other != "" {
			return refuse("give each its own, or list the key once", "%s and %s have the same secret", other, c.subject)
		}
		owner[fingerprint] = c.subject
		moved[c.before.ID] = c.to
		if c.before.ID == "" {
			missing++
		}
	}
	if len(g.keys)+missing > maxKeys {
		return refuse("retire or delete one that nobody uses", "app %s has %d keys, and Apollo takes no more than %d", g.app, len(g.keys), maxKeys)
	}
	enforcing := g.in(schemas.ModeEnforce)
	for _, c := range g.calls {
		if err := g.checkCall(c, enforcing, moved); err != nil {
			return err
		}
	}
	return nil
}

// checkCall looks at the other keys of the app.
func (g *appSteps) checkCall(c call, enforcing []schemas.StoredKey, moved map[string]schemas.Mode) error {
	others := slices.DeleteFunc(slices.Clone(enforcing), func(k schemas.StoredKey) bool {
		return k.ID == c.before.ID || moved[k.ID] != "" && moved[k.ID] != schemas.ModeEnforce
	})
	switch {
	case c.done:
		return nil
	case c.to == schemas.ModeObserve && c.before.Mode != schemas.ModeEnforce && len(others) > 0:
		return refuse("a key beside one that enforces goes straight to enforce, which only lets more pass: make a new plan",
			"%s would be masked: Apollo does not look at keys that observe beside %s, which enforces", c.subject, g.describe(others[0]))
	case c.to == schemas.ModeObserve && c.before.Mode == schemas.ModeEnforce && len(others) == 0:
		return refuse("`lockstep migrate status --target apollo` shows the difference", "%s: no other key of its app enforces in Apollo", c.subject)
	case c.to == schemas.ModeEnforce && len(enforcing) == 0:
		for _, k := range g.in(schemas.ModeObserve) {
			if moved[k.ID] != schemas.ModeEnforce {
				return refuse("enforce it in the same batch, or disable it if nobody signs with it",
					"%s cannot be enforced alone: the clients of %s, which is observed, would be refused", c.subject, g.describe(k))
			}
		}
	}
	return nil
}

// carry makes the calls, and waits until every node shows that they took.
func (g *appSteps) carry(ctx context.Context) error {
	for i := range g.calls {
		if err := g.call(ctx, g.calls[i]); err != nil {
			return &halfway{targetError{fmt.Errorf("%s: %w", g.calls[i].subject, g.undo(ctx, i, err))}, g.names()}
		}
	}
	if err := g.settle(ctx, g.target, g.changed()); err != nil {
		return &halfway{targetError{fmt.Errorf("app %s: Apollo has the new modes, but %w", g.app, err)}, g.names()}
	}
	return nil
}

// changed lists the keys of the steps by Apollo's ids.
func (g *appSteps) changed() []string {
	ids := make([]string, len(g.calls))
	for i, c := range g.calls {
		key, _ := g.find(c.subject)
		ids[i] = key.ID
	}
	return ids
}

func (g *appSteps) names() []string {
	names := make([]string, len(g.calls))
	for i, c := range g.calls {
		names[i] = c.subject
	}
	return names
}

func (g *appSteps) call(ctx context.Context, c call) (err error) {
	if c.done {
		return nil
	}
	key := c.before
	if key.ID == "" {
		if key, err = g.target.Create(ctx, g.app, g.secrets[c.subject]); err != nil {
			return err //nolint:wrapcheck // the caller names the subject
		}
		g.put(key)
	}
	if key, err = g.target.Set(ctx, g.app, key, c.to); err != nil {
		return err //nolint:wrapcheck // the caller names the subject
	}
	g.put(key)
	return nil
}

// undo lets the keys that were enforced before a call failed observe again, or
// the clients of the others would be refused until somebody comes.
func (g *appSteps) undo(ctx context.Context, failed int, cause error) error {
	for _, c := range g.calls[:failed] {
		if c.to != schemas.ModeEnforce || c.before.Mode != schemas.ModeObserve {
			continue
		}
		key, _ := g.find(c.subject)
		back, err := g.target.Set(ctx, g.app, key, schemas.ModeObserve)
		if err != nil {
			cause = errors.Join(cause, fmt.Errorf("%s enforces alone, and could not be put back to observe: %w", c.subject, err))
			continue
		}
		g.put(back)
		cause = fmt.Errorf("%w; %s was put back to observe, as it would have enforced alone", cause, c.subject)
	}
	return cause
}
