package lint

import (
	"reflect"
	"slices"
)

// KeepChanges leaves those listeners in the inventory that an earlier version
// of the file had otherwise or not at all, and adds those that are gone, with
// the line where they were. A nil report had none. It compares what the config
// says; a certificate file counts as it is now.
func (r *Report) KeepChanges(before *Report) {
	if r.Listeners == nil {
		return // nobody can tell
	}
	then := &Report{Tier: r.Tier}
	if before != nil {
		then = before
	}
	changed := []Listener{}
	for _, l := range r.Listeners {
		old := then.listener(l.Endpoint)
		switch {
		case old == nil:
			l.Change = "added"
		case !sameListener(*old, l) || then.Tier != r.Tier:
			l.Change = "changed"
		default:
			continue
		}
		changed = append(changed, l)
	}
	for _, l := range then.Listeners {
		if r.listener(l.Endpoint) == nil {
			l.Change = "removed"
			changed = append(changed, l)
		}
	}
	r.Listeners = changed
}

// listener returns the listener with a name, nil if there is none.
func (r *Report) listener(name string) *Listener {
	i := slices.IndexFunc(r.Listeners, func(l Listener) bool { return l.Endpoint == name })
	if i < 0 {
		return nil
	}
	return &r.Listeners[i]
}

// sameListener compares all but the line.
func sameListener(a, b Listener) bool {
	a.Line = b.Line
	return reflect.DeepEqual(a, b)
}
