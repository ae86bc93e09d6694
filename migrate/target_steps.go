package migrate

import (
	"context"
	"slices"

	"lockstep/schemas"
)

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
	from    schemas.Mode
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
	again := "look at who changed it and why; then make a new plan"
	if meant {
		again = "the step was begun before: take it back with `lockstep migrate rollback --target apollo`, and make a new plan"
	}
	if err := g.faults[c.Subject]; err != nil {
		return call{}, refuse("put the secret where the reference leads", "%s: %w", c.Subject, err)
	}
	key, there := g.find(c.Subject)
	before, planned := image[c.Subject]
	made := call{subject: c.Subject, before: key, from: storedMode(*c.Before, c.After.Since), to: c.After.Mode}
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
	case there && key.Mode != made.to && key.Mode != made.from:
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
