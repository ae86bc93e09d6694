package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lockstep/internal/atomicfile"
	"lockstep/internal/inputfile"
	"lockstep/schemas"
)

// drillTimes is how often a drill steps forward and back.
const drillTimes = 5

// DrillOptions say what [Drill] does.
type DrillOptions struct {
	RolloutPath string
	Files       *Files // event logs of runtimes; nil for none
	Now         func() time.Time
	Who         string // for the journal
}

// A DrillResult is what a drill measured.
type DrillResult struct {
	Subjects int           // that were enforced and rolled back
	Times    int           // how often
	Slowest  time.Duration // rollback, from the first read to the last write
	Pickups  []Pickup      // how long nodes took to take up steps; none without logs
}

// Drill rehearses the way back: beside the rollout file it makes a copy,
// enforces everything in it and rolls that back, with the same code that apply
// and rollback run. Of the real files only the journal, and what the rollout
// file says of it, get an entry with the times. With logs it also reads how long
// nodes took to take up the steps that were really taken.
func Drill(ctx context.Context, o DrillOptions) (result *DrillResult, err error) {
	path, err := filepath.EvalSymlinks(o.RolloutPath)
	if err != nil {
		return nil, fmt.Errorf("read rollout %s: %w", o.RolloutPath, inputfile.Bare(err))
	}
	// On the same disk, or the times would be of another one.
	dir, err := os.MkdirTemp(filepath.Dir(path), ".lockstep-drill-")
	if err != nil {
		return nil, schemas.Hint(fmt.Errorf("copy the rollout file: %w", err),
			"a rollback has to write to this directory as well: let this user")
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d := &drill{path: filepath.Join(dir, filepath.Base(path)), original: path, now: o.Now}
	result = &DrillResult{}
	for range drillTimes {
		if err := d.rehearse(ctx, result); err != nil {
			return nil, fmt.Errorf("rehearse on a copy: %w", err)
		}
	}
	if o.Files != nil {
		if result.Pickups, err = pickups(ctx, path, o.Files); err != nil {
			return nil, err
		}
	}
	return result, recordDrill(ctx, &o, result)
}

// A drill works on a copy of a rollout file and its journal.
type drill struct {
	path, original string
	now            func() time.Time
}

// rehearse steps forward and back once.
func (d *drill) rehearse(ctx context.Context, result *DrillResult) error {
	if err := errors.Join(copyFile(d.original, d.path), copyFile(journalPath(d.original), journalPath(d.path))); err != nil {
		return err
	}
	now := d.now()
	forward := &act{path: d.path, now: now, who: "drill", always: true}
	enforced := 0
	_, err := forward.run(ctx, func() (schemas.JournalEntry, error) {
		changes := forward.enforceAll()
		for _, s := range forward.rollout.Subjects {
			if s.ModeAt(now) != schemas.ModeDisabled {
				enforced++
			}
		}
		return schemas.JournalEntry{Action: schemas.ActionApply, Changes: changes}, nil
	})
	switch {
	case err != nil:
		return err
	case enforced == 0:
		return schemas.Hint(errors.New("no subject is observed or enforced: there is nothing to roll back"), "drill before the first batch that enforces, or later")
	}
	began := d.now()
	back, err := Rollback(ctx, RollbackOptions{RolloutPath: d.path, All: true, Reason: "drill", Now: now, Who: "drill"})
	if err != nil {
		return err
	}
	result.Slowest = max(result.Slowest, d.now().Sub(began))
	result.Subjects, result.Times = enforced, result.Times+1
	if moved := len(back.Entries[len(back.Entries)-1].Changes); moved != enforced {
		return fmt.Errorf("%d of %d subjects stepped back", moved, enforced)
	}
	return back.Unrecorded
}

// enforceAll lists the changes that bring all that is observed to enforce.
func (a *act) enforceAll() []schemas.Change {
	var changes []schemas.Change
	for _, name := range a.rollout.Names() {
		if a.rollout.Subjects[name].ModeAt(a.now) == schemas.ModeObserve {
			changes = append(changes, a.move(name, schemas.ModeEnforce, ""))
		}
	}
	return changes
}

// copyFile copies a file that may be missing, as a journal may be.
func copyFile(from, to string) error {
	text, err := readRegular(from)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("copy: %w", err)
	}
	if err := atomicfile.Write(to, text, 0o600); err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	return nil
}

// recordDrill puts the times into the journal.
func recordDrill(ctx context.Context, o *DrillOptions, result *DrillResult) error {
	a := &act{path: o.RolloutPath, now: o.Now(), who: o.Who}
	_, err := a.run(ctx, func() (schemas.JournalEntry, error) {
		return schemas.JournalEntry{Action: schemas.ActionDrill, Reason: result.text()}, nil
	})
	return err
}

// text is what the drill measured, in one line.
func (r *DrillResult) text() string {
	text := fmt.Sprintf("rollback of %s on a copy: %s at most in %d times",
		plural(r.Subjects, "subject", "subjects"), r.Slowest.Round(time.Microsecond), r.Times)
	slowest := time.Duration(0)
	for _, p := range r.Pickups {
		slowest = max(slowest, p.Slowest)
	}
	if slowest > 0 {
		text += fmt.Sprintf("; nodes took %s at most to take a step up", slowest.Round(time.Second))
	}
	return text
}

// WriteText writes the result for people.
func (r *DrillResult) WriteText(w io.Writer) error {
	out := &strings.Builder{}
	fmt.Fprintln(out, r.text())
	for _, p := range r.Pickups {
		fmt.Fprintf(out, "  entry %d, %s: taken up by %s, the last one after %s", p.Seq, p.Action,
			plural(p.Nodes, "node", "nodes"), p.Slowest.Round(time.Second))
		if len(p.Missing) > 0 {
			fmt.Fprintf(out, "; not yet by %s", some(printables(p.Missing)))
		}
		fmt.Fprintln(out)
	}
	if _, err := io.WriteString(w, out.String()); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}
