package runtime

import (
	"slices"

	"lockstep/schemas"
)

// writeOverrides writes what has become of overrides since it was written last:
// at the start of a process all that are in force, so that every boot tells.
// What could not be written is tried again.
func (r *recorder) writeOverrides() {
	s, now := r.current.Load(), r.opts.Now().UnixMilli()
	events := overrideEvents(s, r.overrides)
	if len(events) == 0 {
		return
	}
	for i := range events {
		events[i].Environment, events[i].Node, events[i].TimeMS = s.environment, r.opts.Node, now
	}
	if written, _ := r.write(events); written == len(events) { // the error is logged
		r.overrides = s.overrides
	}
}

// overrideEvents says how the overrides of s differ from those before.
func overrideEvents(s *snapshot, before []schemas.Override) []schemas.Event {
	var events []schemas.Event
	say := func(o schemas.Override, change schemas.OverrideChange) {
		events = append(events, schemas.Event{
			Kind: schemas.EventOverride, Subject: o.Subject, Mode: o.Mode, Change: change,
			SinceMS: o.Since.UnixMilli(), Who: o.Who, Why: o.Reason,
		})
	}
	for _, o := range before {
		held := slices.ContainsFunc(s.overrides, func(n schemas.Override) bool { return n.Subject == o.Subject })
		switch {
		case held:
		case s.fits(o):
			say(o, schemas.OverrideCleared)
		default:
			say(o, schemas.OverrideLapsed)
		}
	}
	for _, o := range without(s.overrides, before) {
		say(o, schemas.OverrideSet)
	}
	return events
}
