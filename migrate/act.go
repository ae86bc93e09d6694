package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"lockstep/internal/atomicfile"
	"lockstep/internal/inputfile"
	"lockstep/schemas"
)

// ErrRefused is matched by errors that say that a step must not be taken, as
// opposed to one that could not be.
var ErrRefused = errors.New("refused")

// A refusal is an error that matches [ErrRefused] without saying so.
type refusal struct{ error }

func (refusal) Is(target error) bool { return target == ErrRefused }

func (r refusal) Unwrap() error { return r.error }

// refuse words a refusal and what to do about it.
func refuse(hint, format string, args ...any) error {
	return refusal{schemas.Hint(fmt.Errorf(format, args...), hint)}
}

// A Result is what [Apply] or [Rollback] did, or would do in a dry run.
type Result struct {
	// Entries are those new in the journal. The last one is the step itself;
	// those before it record in what state the file was found. There are none
	// if everything was as wanted already.
	Entries []schemas.JournalEntry

	// SetAside is where a journal was moved that was broken or could not be
	// written, empty if it was fine.
	SetAside string

	// Unrecorded is why the entries are not in the journal, although the
	// rollout file has stepped back; nil as a rule.
	Unrecorded error

	// Undone is what the target has not done, or is not known to have, although
	// the rollout file has stepped back; nil as a rule.
	Undone error
}

// WriteText writes the result for people.
func (r *Result) WriteText(w io.Writer) error {
	if len(r.Entries) == 0 {
		if _, err := fmt.Fprintln(w, "nothing to do"); err != nil {
			return fmt.Errorf("write result: %w", err)
		}
		return nil
	}
	if r.SetAside != "" {
		fmt.Fprintf(w, "the journal was broken or could not be written, and is now %s\n", printable(filepath.Base(r.SetAside)))
	}
	return WriteJournal(w, r.Entries)
}

// An act changes a rollout file and its journal as one.
type act struct {
	path   string // of the rollout file
	now    time.Time
	who    string
	dryRun bool
	always bool // go on where the journal is broken, or not ours to write

	target  KeyStore // nil: the rollout file is all there is to change
	secrets schemas.SecretSource

	carry    func(context.Context) error // asks the target for what the journal has announced; may be nil
	doc      *schemas.Document
	rollout  *schemas.Rollout
	journal  *Journal
	pending  []schemas.JournalEntry
	setAside bool
	unlocked error // why nobody keeps others away from the journal; nil as a rule
}

// run reads the files under a lock, lets decide choose the changes, and makes
// them: the journal first, so that after a crash it is known what was meant.
func (a *act) run(ctx context.Context, decide func() (schemas.JournalEntry, error)) (*Result, error) {
	path, release, err := a.lock()
	if err != nil {
		return nil, err
	}
	defer release()
	return a.step(ctx, path, decide)
}

// lock finds the rollout file and keeps others away from its journal until
// release is called.
func (a *act) lock() (path string, release func(), err error) {
	// Beside the file itself, or a link to it would have another journal.
	path, err = filepath.EvalSymlinks(a.path)
	if err != nil {
		return "", nil, fmt.Errorf("read rollout %s: %w", a.path, inputfile.Bare(err))
	}
	if a.dryRun {
		return path, func() {}, nil
	}
	release, err = lockJournal(journalPath(path))
	switch {
	case err == nil:
		return path, release, nil
	case !a.always || errors.Is(err, ErrLocked):
		return "", nil, err
	}
	a.unlocked = err // a lock that nobody can have does not keep a step back
	return path, func() {}, nil
}

// step is one turn of run, under the lock.
func (a *act) step(ctx context.Context, path string, decide func() (schemas.JournalEntry, error)) (*Result, error) {
	if err := a.read(path); err != nil {
		return nil, err
	}
	step, err := decide()
	switch {
	case err != nil:
		return nil, err
	case len(step.Changes) == 0 && step.Action != schemas.ActionDrill:
		return &Result{}, nil
	}
	text, err := a.prepare(step)
	switch {
	case err != nil:
		return nil, err
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case a.dryRun:
		return a.result(""), nil
	}
	return a.commit(ctx, path, text)
}

func (a *act) read(path string) error {
	source, err := readRegular(path)
	if err != nil {
		return fmt.Errorf("read rollout: %w", err)
	}
	if a.doc, err = schemas.ParseDocument(a.path, source); err != nil {
		return err //nolint:wrapcheck // a fault names file and place
	}
	if a.rollout, err = schemas.DecodeRollout(a.doc); err != nil {
		return err //nolint:wrapcheck // a fault names file and place
	}
	return a.readJournal(journalPath(path))
}

// readJournal brings journal and rollout file together, or begins a new
// segment where that cannot be done and the act must go on nevertheless.
func (a *act) readJournal(path string) error {
	err := a.joinJournal(path)
	switch {
	case err == nil:
		return nil
	case !a.always:
		return refuse("restore the journal from a backup; or move it away and delete `journal:` from the rollout file, and a new one begins", "%w", err)
	}
	a.journal, a.setAside = &Journal{path: path}, true
	a.pending = []schemas.JournalEntry{segment(a.rollout, err)}
	return nil
}

func (a *act) joinJournal(path string) error {
	if a.unlocked != nil {
		return a.unlocked
	}
	journal, err := openJournal(path)
	if err != nil {
		return err
	}
	a.journal = journal
	if a.pending, err = journal.reconcile(a.rollout); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if a.always {
		return journal.writable()
	}
	return nil
}

// prepare ends the journal with step, in memory, and edits the text of the
// rollout file. Reasons and names come from anywhere, and what is not UTF-8 in
// them has no text in a journal.
func (a *act) prepare(step schemas.JournalEntry) ([]byte, error) {
	want := *a.rollout
	want.Subjects = maps.Clone(a.rollout.Subjects)
	for _, change := range step.Changes {
		want.Subjects[change.Subject] = *change.After
	}
	step.Before, step.After = a.rollout.Digest(), want.Digest()
	a.pending = append(a.pending, step)
	for i := range a.pending {
		e := &a.pending[i]
		e.Time, e.Who, e.Reason = a.now.UTC(), utf8Text(a.who), utf8Text(e.Reason)
		if err := a.journal.add(*e); err != nil {
			return nil, err
		}
	}
	want.Journal = a.journal.ref()
	return editRollout(a.doc, a.rollout, &want)
}

func utf8Text(text string) string { return strings.ToValidUTF8(text, "\ufffd") }

// commit writes the journal, asks the target, and writes the rollout file: the
// last also where the others cannot be done and the act must go on nevertheless.
func (a *act) commit(ctx context.Context, path string, text []byte) (*Result, error) {
	result := a.result("")
	if err := a.record(result); err != nil {
		if !a.always {
			return nil, err
		}
		result.Unrecorded = err
	}
	if a.carry != nil { // to its end, as nobody should be left between two calls
		if err := a.carry(context.WithoutCancel(ctx)); err != nil && !a.always {
			return nil, err
		} else if err != nil {
			result.Undone = err
		}
	}
	if err := atomicfile.Write(path, text, 0o644); err != nil {
		return nil, errors.Join(fmt.Errorf("write rollout %s: %w", a.path, err), result.Unrecorded, result.Undone)
	}
	_ = atomicfile.Sweep(path) // the litter of acts that were killed does no harm
	return result, nil
}

// record puts the new entries into the journal, or into a new one.
func (a *act) record(result *Result) (err error) {
	if a.setAside {
		if result.SetAside, err = a.journal.setAside(a.now); err != nil {
			return err
		}
	}
	return a.journal.write(result.Entries)
}

func (a *act) result(setAside string) *Result {
	entries := a.journal.Entries
	return &Result{Entries: entries[len(entries)-len(a.pending):], SetAside: setAside}
}

// move is the change that brings a subject into another mode.
func (a *act) move(name string, to schemas.Mode, batch string) schemas.Change {
	before := a.rollout.Subjects[name]
	after := before
	after.Mode, after.Since = to, a.now.UTC().Truncate(time.Second)
	after.Until, after.Then, after.Share = time.Time{}, "", 0 // they were of the mode before
	if batch != "" {
		after.Batch = batch
	}
	before.Since, before.Until = before.Since.UTC(), before.Until.UTC()
	return schemas.Change{Subject: name, Before: &before, After: &after}
}
