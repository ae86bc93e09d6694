package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// RollbackOptions say what [Rollback] does. Exactly one of Subject, Batch and
// All chooses the subjects.
type RollbackOptions struct {
	RolloutPath string
	Subject     string // key/<app>/<id>, or key/<app> for all keys of an app
	Batch       string // all that this batch brought to where they are
	All         bool
	To          schemas.Mode // observe if empty
	Reason      string       // for the journal; required
	Now         time.Time
	Who         string // for the journal
	DryRun      bool   // change nothing

	Target  KeyStore             // where the keys live too; nil: the rollout file is all there is
	Secrets schemas.SecretSource // of the rollout, for the target; it does without those that cannot be read
}

// Rollback takes subjects back to a weaker mode at once. It needs nothing but
// the rollout file: no plan, no logs, and no journal that is whole, as one that
// is broken is set aside. Subjects that are there already are left alone. With
// a target it goes by what that has, and the file steps back even where the
// target does not answer: see [Result].
func Rollback(ctx context.Context, o RollbackOptions) (*Result, error) {
	if o.To == "" {
		o.To = schemas.ModeObserve
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	a := &act{path: o.RolloutPath, now: o.Now, who: o.Who, dryRun: o.DryRun, always: true, target: o.Target, secrets: o.Secrets}
	return a.run(ctx, func() (schemas.JournalEntry, error) {
		chosen, err := a.choose(o)
		if err != nil {
			return schemas.JournalEntry{}, err
		}
		entry := schemas.JournalEntry{
			Action: schemas.ActionRollback, Reason: o.Reason, Batch: o.Batch, Changes: a.back(chosen, o.To),
		}
		if a.target != nil {
			return entry, a.retreat(ctx, chosen, o.To, &entry)
		}
		a.carry = a.elsewhere(entry.Changes)
		return entry, nil
	})
}

func (o *RollbackOptions) validate() error {
	chosen := 0
	for _, given := range []bool{o.Subject != "", o.Batch != "", o.All} {
		if given {
			chosen++
		}
	}
	switch {
	case chosen != 1:
		return schemas.Hint(errors.New("it is not clear what to roll back"), "give one of --subject, --batch and --all")
	case strings.TrimSpace(o.Reason) == "":
		return schemas.Hint(errors.New("a rollback needs a reason"), "say why, for the journal: --reason TEXT")
	case !o.To.Valid() || o.To == schemas.ModeEnforce:
		return schemas.Hint(fmt.Errorf("%s is not a mode to roll back to", printable(string(o.To))), "use observe or disabled")
	}
	return nil
}

// choose finds the subjects that the options name.
func (a *act) choose(o RollbackOptions) ([]string, error) {
	switch {
	case o.Subject != "":
		return a.chooseSubject(o.Subject)
	case o.Batch != "":
		return a.chooseBatch(o.Batch)
	default:
		return a.rollout.Names(), nil
	}
}

func (a *act) chooseSubject(text string) ([]string, error) {
	wanted, err := schemas.ParseSubject(text)
	if err != nil {
		return nil, fmt.Errorf("--subject: %w", err)
	}
	var chosen []string
	for _, name := range a.rollout.Names() {
		s, err := schemas.ParseSubject(name)
		if err == nil && wanted.ID == "" {
			s.ID = ""
		}
		if err == nil && s.Fold() == wanted.Fold() {
			chosen = append(chosen, name)
		}
	}
	if len(chosen) > 0 {
		return chosen, nil
	}
	hint := "the subjects are " + some(a.rollout.Names())
	if near, ok := schemas.Nearest(text, a.rollout.Names()); ok {
		hint = fmt.Sprintf("did you mean %s?", near)
	}
	return nil, schemas.Hint(fmt.Errorf("the rollout file does not list %s", wanted), hint)
}

func (a *act) chooseBatch(batch string) ([]string, error) {
	var chosen, batches []string
	for _, name := range a.rollout.Names() {
		b := a.rollout.Subjects[name].Batch
		if b == batch || a.halfDone(batch, name) {
			chosen = append(chosen, name)
		}
		if b != "" {
			batches = append(batches, printable(b))
		}
	}
	if len(chosen) > 0 {
		return chosen, nil
	}
	slices.Sort(batches)
	hint := "no subject has come from a batch yet; use --subject or --all"
	if len(batches) > 0 {
		hint = "the batches are " + strings.Join(slices.Compact(batches), ", ")
	}
	return nil, schemas.Hint(fmt.Errorf("no subject has come from batch %s", printable(batch)), hint)
}

// elsewhere complains about subjects whose keys, as the journal knows, live in
// Apollo, which nobody has asked to step back. The rollout file does.
func (a *act) elsewhere(changes []schemas.Change) func(context.Context) error {
	var names []string
	for _, c := range changes {
		if a.journal.stored(c.Subject).ID != "" {
			names = append(names, c.Subject)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return func(context.Context) error {
		return schemas.Hint(fmt.Errorf("nobody has asked it: it has the keys of %s", some(names)), "roll back again with --target apollo")
	}
}

// halfDone reports whether the journal ends with the announcement that a batch
// moves a subject, which the rollout file does not show: the target may.
func (a *act) halfDone(batch, subject string) bool {
	last := a.journal.last()
	return a.target != nil && last.Action == schemas.ActionApply && last.Batch == batch && last.After != a.rollout.Digest() &&
		slices.ContainsFunc(last.Changes, func(c schemas.Change) bool { return c.Subject == subject })
}

// back lists the changes that bring the chosen subjects, and the keys that are
// enforced beside them, back to a mode.
func (a *act) back(chosen []string, to schemas.Mode) []schemas.Change {
	modes := map[string]schemas.Mode{}
	for name, s := range a.rollout.Subjects {
		modes[name] = s.ModeAt(a.now)
	}
	var changes []schemas.Change
	for _, name := range withSiblings(chosen, modes) {
		if to.Weaker(modes[name]) {
			changes = append(changes, a.move(name, to, ""))
		}
	}
	return changes
}
