package migrate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// A LoadedSubject is what a node said of a subject in its last heartbeat, and
// since when it has said so.
type LoadedSubject struct {
	schemas.SubjectState

	// Since is when the unbroken stretch of heartbeats that say the same
	// begins, to the minute; zero if all that were read do.
	Since time.Time `json:"since,omitzero"`
}

// A statement is what heartbeats say of all subjects of a node, and when one
// last said so. There are as many as the rollout had states, not heartbeats.
type statement struct {
	Subjects []schemas.SubjectState
	LastMS   int64
}

// statements holds what a node has said, by its words.
type statements map[string]*statement

func (s statements) add(e *schemas.Event) {
	for _, said := range s { // mostly there is one, and it is the same again
		if len(s) == 1 && slices.Equal(said.Subjects, e.Subjects) {
			said.LastMS = max(said.LastMS, e.TimeMS)
			return
		}
	}
	subjects := slices.Clone(e.Subjects)
	slices.SortFunc(subjects, func(a, b schemas.SubjectState) int {
		return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Mode, b.Mode), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	words := fmt.Sprintf("%q", subjects)
	if s[words] == nil {
		s[words] = &statement{Subjects: cloneStates(subjects)}
	}
	s[words].LastMS = max(s[words].LastMS, e.TimeMS)
}

// otherwise returns when a heartbeat last said something else of each of the
// subjects, or did not list it; none where all say the same.
func (s statements) otherwise(subjects []schemas.SubjectState) map[string]int64 {
	last := map[string]int64{}
	for _, said := range s {
		states := map[string]schemas.SubjectState{}
		for _, state := range said.Subjects {
			states[foldSubject(state.Subject)] = state
		}
		for _, subject := range subjects {
			state := states[foldSubject(subject.Subject)]
			if state.Mode != subject.Mode || state.Fingerprint != subject.Fingerprint {
				last[subject.Subject] = max(last[subject.Subject], said.LastMS)
			}
		}
	}
	return last
}

// foldSubject writes a subject so that the spellings of one are equal.
func foldSubject(text string) string {
	s, err := schemas.ParseSubject(text)
	if err != nil {
		return text
	}
	return s.Fold().String()
}

// loaded returns what the newest heartbeat says, and since when. Order does
// not matter: a stretch begins with the first heartbeat after the last one that
// said otherwise.
func (n *nodeFold) loaded() []LoadedSubject {
	otherwise := n.Said.otherwise(n.Newest.Subjects)
	var loaded []LoadedSubject
	for _, state := range n.Newest.Subjects {
		s := LoadedSubject{SubjectState: state}
		if last, changed := otherwise[state.Subject]; changed {
			s.Since = utc(min(n.Beats.after(last), n.Newest.TimeMS))
		}
		loaded = append(loaded, s)
	}
	return loaded
}

// state is what the node said last of a subject; zero if nothing.
func (n Node) state(subject string) LoadedSubject {
	for _, s := range n.Subjects {
		// Most subjects differ however they are folded, which is soon seen.
		if strings.EqualFold(s.Subject, subject) && foldSubject(s.Subject) == foldSubject(subject) {
			return s
		}
	}
	return LoadedSubject{}
}
