package migrate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/schemas"
)

// override notes what has become of an override, and reports whether the node
// has told of one of that subject for the first time. The newest word counts,
// in whatever order they are read.
func (n *nodeFold) override(e *schemas.Event) (first bool) {
	subject := foldSubject(e.Subject)
	old, known := n.Overrides[subject]
	if known && !newer(e, &old) {
		return false
	}
	if n.Overrides == nil {
		n.Overrides = map[string]schemas.Event{}
	}
	n.Overrides[strings.Clone(subject)] = schemas.Event{
		TimeMS: e.TimeMS, Boot: strings.Clone(e.Boot), Seq: e.Seq, Subject: strings.Clone(e.Subject), Mode: e.Mode,
		Change: e.Change, SinceMS: e.SinceMS, Who: strings.Clone(e.Who), Why: strings.Clone(e.Why),
	}
	return !known
}

// overrides lists those in force. Every boot tells of all of them in front of
// its first heartbeat, so what an earlier one has said counts no longer.
func (n *nodeFold) overrides() []schemas.Event {
	var live []schemas.Event
	for _, subject := range slices.Sorted(maps.Keys(n.Overrides)) {
		o := n.Overrides[subject]
		over := o.Boot != n.Newest.Boot && newer(&n.Newest, &o)
		if o.Change == schemas.OverrideSet && !over {
			live = append(live, o)
		}
	}
	return live
}

// holds reports whether the node says that it overrides a subject.
func (n *Node) holds(subject string) bool {
	return slices.ContainsFunc(n.Overrides, func(o schemas.Event) bool { return foldSubject(o.Subject) == foldSubject(subject) })
}

// overrideDrift says what a node holds against the rollout, and why.
func overrideDrift(node string, o schemas.Event) string {
	return fmt.Sprintf("node %s holds %s at %s since %s, by %s: %s",
		printable(node), printable(o.Subject), o.Mode, minute(utc(o.SinceMS)), printable(o.Who), visible(o.Why))
}
