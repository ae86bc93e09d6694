package migrate

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"lockstep/schemas"
)

// A History is what the journal beside a rollout file tells: what was done,
// and in what the file is not what the journal says it is.
type History struct {
	Path    string // of the journal, which may not exist yet
	Entries []schemas.JournalEntry
	Drift   []string // for people; empty if the two agree

	// Unknown are subjects that could not be compared with a target, and why.
	Unknown []string
}

// ReadHistory reads the journal beside the rollout file at path, which says r.
// A journal that is broken is drift; the error is of a file that cannot be read.
func ReadHistory(path string, r *schemas.Rollout) (History, error) {
	history := History{Path: journalPath(path)}
	journal, err := openJournal(history.Path)
	if _, isIO := errors.AsType[*fs.PathError](err); isIO {
		return history, err
	}
	if err != nil {
		history.Drift = []string{"the journal is broken: " + err.Error()}
		return history, nil
	}
	history.Entries = journal.Entries
	if drift := journal.drift(r); drift != "" {
		history.Drift = append(history.Drift, drift)
	}
	return history, nil
}

// drift says what the next apply or rollback would have to note first; empty
// if nothing, or if there is no journal yet.
func (j *Journal) drift(r *schemas.Rollout) string {
	pending, err := j.reconcile(r)
	switch {
	case err != nil:
		return err.Error()
	case len(pending) == 0 || len(j.Entries) == 0:
		return ""
	case pending[0].Action == schemas.ActionAbandoned:
		return fmt.Sprintf("the rollout file does not show entry %d of its journal", j.last().Seq)
	default:
		return fmt.Sprintf("the rollout file was edited by hand since entry %d of its journal: %s", j.last().Seq, some(changed(pending[0])))
	}
}

func changed(e schemas.JournalEntry) []string {
	names := make([]string, len(e.Changes))
	for i, c := range e.Changes {
		names[i] = printable(c.Subject) + " " + changeText(c)
	}
	return names
}

// settled is how long after a change of the rollout every node has it: they
// watch the file, and write a heartbeat each minute.
const settled = 10 * time.Minute

// nodeDrift names the nodes whose modes are not those of the rollout, such as
// after an override. A node that said nothing since the change has not drifted.
func nodeDrift(in *Input) []string {
	var drift []string
	for _, n := range expectedNodes(in.Policy.Environments[in.Rollout.Environment].Nodes, in.Evidence.Nodes) {
		for _, o := range n.Overrides {
			drift = append(drift, overrideDrift(n.Name, o))
		}
		for _, name := range in.Rollout.Names() {
			want, state := in.Rollout.Subjects[name], n.state(name)
			if n.holds(name) {
				continue // that was said
			}
			if state.Mode != "" && state.Mode != want.Mode && n.Last.After(want.Since.Add(settled)) {
				drift = append(drift, fmt.Sprintf("node %s has %s in mode %s, the rollout in mode %s",
					printable(n.Name), name, printable(string(state.Mode)), want.Mode))
			}
		}
	}
	return drift
}
