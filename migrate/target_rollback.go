package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"lockstep/schemas"
)

// A retreat takes apps of a target back. It goes by what the target has now,
// so that it finds steps that the rollout file does not show, too, and nothing
// keeps it from going on: what fails is told at the end.
type retreat struct {
	target KeyStore
	to     schemas.Mode
	rings  []*ring
	calls  []backCall
	faults []error
}

// A backCall is one key that has to step back.
type backCall struct {
	ring *ring
	key  schemas.StoredKey
	to   schemas.Mode
}

// retreat looks at the apps of the chosen subjects, adds to the changes those
// that only the target needs, and makes the calls once they are announced.
func (a *act) retreat(ctx context.Context, chosen []string, to schemas.Mode, entry *schemas.JournalEntry) error {
	r := &retreat{target: a.target, to: to}
	apps := appsOf(chosen)
	rings := make([]*ring, len(apps))
	r.each(len(apps), func(i int) (err error) {
		rings[i], err = newRing(ctx, a.target, apps[i], a.rollout, a.secrets)
		return err
	})
	for _, ring := range rings {
		if ring != nil {
			r.rings = append(r.rings, ring)
			r.add(a, ring, chosen)
		}
	}
	var strangers []string
	for _, c := range r.calls {
		name := c.ring.nameOf(a.journal, c.key)
		if name == "" {
			strangers = append(strangers, c.ring.describe(c.key))
			continue
		}
		a.note(entry, name, c.key)
	}
	if len(strangers) > 0 {
		entry.Reason += "; along with what the rollout does not list: " + strings.Join(strangers, ", ")
	}
	if len(r.calls) > 0 && len(entry.Changes) == 0 {
		a.note(entry, chosen[0], schemas.StoredKey{})
	}
	if a.dryRun || len(entry.Changes) == 0 {
		return errors.Join(r.faults...)
	}
	a.carry = r.carry
	return nil
}

// note puts what the target had of a subject into the entry, with a change
// that changes nothing where the rollout file is there already.
func (a *act) note(entry *schemas.JournalEntry, name string, key schemas.StoredKey) {
	i := slices.IndexFunc(entry.Changes, func(c schemas.Change) bool { return c.Subject == name })
	if i < 0 {
		i = len(entry.Changes)
		same := at(a.rollout.Subjects, name)
		entry.Changes = append(entry.Changes, schemas.Change{Subject: name, Before: same, After: same})
	}
	if key.ID != "" {
		entry.Changes[i].Stored = &key
	}
}

// add collects the calls of one app. As soon as one of its chosen keys
// enforces, or it cannot be told which that is, all of them stop enforcing:
// the one that went on would refuse the clients of the others.
func (r *retreat) add(a *act, ring *ring, chosen []string) {
	names := map[string]string{} // subjects, by Apollo's id
	for _, key := range ring.keys {
		names[key.ID] = ring.nameOf(a.journal, key)
	}
	wanted := func(key schemas.StoredKey) bool { return names[key.ID] != "" && slices.Contains(chosen, names[key.ID]) }
	enforcing := ring.in(schemas.ModeEnforce)
	if slices.ContainsFunc(enforcing, wanted) || ring.anyUnknown(a, chosen) {
		for _, key := range enforcing {
			to := r.to
			if names[key.ID] == "" {
				to = schemas.ModeObserve // nobody asked for more
			}
			r.calls = append(r.calls, backCall{ring, key, to})
		}
	}
	if r.to != schemas.ModeDisabled {
		return
	}
	for _, key := range ring.in(schemas.ModeObserve) {
		if wanted(key) {
			r.calls = append(r.calls, backCall{ring, key, r.to})
		}
	}
	for _, name := range ring.subjects {
		if slices.Contains(chosen, name) && !ring.knows(a.journal, name) {
			r.faults = append(r.faults, schemas.Hint(targetError{fmt.Errorf("%s: nobody can tell which of Apollo's keys it is: %w", name, ring.faults[name])},
				"put its secret where the reference leads, and roll back again"))
		}
	}
}

// anyUnknown reports whether a chosen subject of the app should enforce, as far
// as the rollout file says, or may, as it is not known which key it is.
func (r *ring) anyUnknown(a *act, chosen []string) bool {
	return slices.ContainsFunc(r.subjects, func(name string) bool {
		enforced := a.rollout.Subjects[name].ModeAt(a.now) == schemas.ModeEnforce
		return slices.Contains(chosen, name) && (enforced || !r.knows(a.journal, name))
	})
}

// knows reports whether it is certain which key, if any, a subject is.
func (r *ring) knows(journal *Journal, name string) bool {
	_, read := r.secrets[name]
	return read || journal.stored(name).ID != ""
}

// nameOf is subjectOf, with the journal's word where a secret cannot be read.
func (r *ring) nameOf(journal *Journal, key schemas.StoredKey) string {
	if name := r.subjectOf(key); name != "" {
		return name
	}
	for _, name := range r.subjects {
		known := journal.stored(name)
		if _, read := r.secrets[name]; !read && known.ID == key.ID && known.Fingerprint == key.Fingerprint {
			return name
		}
	}
	return ""
}

// stored is the key of a subject as the journal saw it last; zero if never.
func (j *Journal) stored(subject string) schemas.StoredKey {
	for _, e := range slices.Backward(j.Entries) {
		for _, c := range e.Changes {
			if c.Subject == subject && c.Stored != nil {
				return *c.Stored
			}
		}
	}
	return schemas.StoredKey{}
}

// carry makes all calls, and only then waits for the nodes: clients are
// refused until the last call.
func (r *retreat) carry(ctx context.Context) error {
	r.each(len(r.rings), func(i int) error {
		var errs []error
		for _, c := range r.calls {
			if c.ring != r.rings[i] {
				continue
			}
			if err := r.call(ctx, c); err != nil {
				errs = append(errs, targetError{fmt.Errorf("app %s: %s is not at %s: %w", c.ring.app, c.ring.describe(c.key), c.to, err)})
			}
		}
		return errors.Join(errs...)
	})
	r.each(len(r.rings), func(i int) error {
		ring := r.rings[i]
		if err := ring.settle(ctx, r.target, r.changed(ring)); err != nil {
			return targetError{fmt.Errorf("app %s: Apollo has the modes, but %w", ring.app, err)}
		}
		return nil
	})
	return errors.Join(r.faults...)
}

// atOnce is how many apps step back beside each other: a node that is dead
// takes its time for each.
const atOnce = 8

// each does something for every app, and notes what fails, in order.
func (r *retreat) each(apps int, do func(int) error) {
	faults := make([]error, apps)
	var group sync.WaitGroup
	turns := make(chan struct{}, atOnce)
	for i := range apps {
		turns <- struct{}{}
		group.Go(func() {
			faults[i] = do(i)
			<-turns
		})
	}
	group.Wait()
	r.faults = append(r.faults, slices.DeleteFunc(faults, func(err error) bool { return err == nil })...)
}

// call steps back from wherever the key is, also where somebody has touched it
// since it was looked at.
func (r *retreat) call(ctx context.Context, c backCall) error {
	key, err := r.target.Set(ctx, c.ring.app, c.key, c.to)
	if errors.Is(err, ErrChanged) {
		key, err = r.again(ctx, c)
	}
	if err == nil {
		c.ring.put(key)
	}
	if err == nil && c.to.Weaker(key.Mode) {
		return fmt.Errorf("it is in mode %s", key.Mode)
	}
	return err
}

func (r *retreat) again(ctx context.Context, c backCall) (schemas.StoredKey, error) {
	keys, err := r.target.Keys(ctx, c.ring.app)
	if err != nil {
		return c.key, err //nolint:wrapcheck // the caller names the key
	}
	i := slices.IndexFunc(keys, func(k schemas.StoredKey) bool { return k.ID == c.key.ID })
	switch {
	case i < 0:
		c.key.Mode = schemas.ModeDisabled // it is gone, and enforces no more
		return c.key, nil
	case !c.to.Weaker(keys[i].Mode):
		return keys[i], nil
	}
	return r.target.Set(ctx, c.ring.app, keys[i], c.to) //nolint:wrapcheck // the caller names the key
}

// changed lists the keys of an app that were called back.
func (r *retreat) changed(ring *ring) []string {
	var ids []string
	for _, c := range r.calls {
		if c.ring == ring {
			ids = append(ids, c.key.ID)
		}
	}
	return ids
}
