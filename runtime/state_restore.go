package runtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"lockstep/schemas"
)

// contents are the kept documents of a version as if they stood where those
// of opts do; ok is false if it has no document for each of them, or one more.
func (v *storedVersion) contents(opts *Options) (all map[string]content, ok bool) {
	all = map[string]content{}
	for role, path := range opts.paths() {
		doc, ok := v.Documents[role]
		if !ok {
			return nil, false
		}
		all[path] = content{data: []byte(doc.Text), digest: doc.Digest}
	}
	return all, len(all) == len(v.Documents)
}

// lastVersion is the newest one that can be read, nil if there is none.
func (st *state) lastVersion() *storedVersion {
	for {
		last := st.last()
		if last.Number == 0 {
			return nil
		}
		if v := st.load(last.Number); v != nil {
			return v
		}
	}
}

// start applies the first version of a process: what the files say if they
// are good, and else the last good one that the state directory has. What was
// served last is also what the files are held against, as in a running
// process: a mode or a listener that they leave out stays as it was.
func (a *applier) start(ctx context.Context) error {
	last := a.server.state.lastVersion()
	a.resume(last)
	was := a.read()
	in, err := a.overruled(ctx, was.in, was.err)
	good, prev := a.rebuilt(last)
	if prev != nil && in.moves(prev) {
		prev = nil // for that a process is restarted
	}
	var next *snapshot
	if err == nil {
		next, err = a.admit(in, prev)
	}
	if err != nil {
		return a.startFromState(ctx, in, good, prev, err)
	}
	a.swap(ctx, in, next)
	a.doubtful = in.doubtful()
	if prev != nil {
		prev.retire(next)
	}
	return nil
}

// startFromState serves what a process before this one did, as the files are
// not good.
func (a *applier) startFromState(ctx context.Context, in, good *inputs, prev *snapshot, err error) error {
	if prev == nil {
		return err
	}
	v := a.server.state.last()
	text := fmt.Sprintf("the files are not good, and the documents of version %d are served from the state directory", v.Number)
	if v.Masked {
		text += ", without their secrets"
	}
	prev.alarms = append(slices.Clip(prev.alarms), text)
	a.swap(ctx, good, prev)
	a.reject(ctx, in, err)
	a.doubtful = in.doubtful()
	a.seen = a.place() // good may name files that the others do not
	return nil
}

// moves reports whether the rollout is of another environment than before.
func (in *inputs) moves(prev *snapshot) bool {
	return in.rollout != nil && (prev.environment != in.rollout.Environment || prev.rolloutTier != in.rollout.Tier)
}

// loadKept reads inputs whose documents are kept ones.
func (a *applier) loadKept(documents map[string]content) (*inputs, error) {
	in := newInputs(&a.server.opts, a.server.state.decoder, a.server.disk.read)
	in.kept = true
	maps.Copy(in.files, documents)
	return in.loadAll(&a.server.opts)
}

// loadDisk reads the inputs that are on disk.
func (a *applier) loadDisk() (*inputs, error) {
	return loadInputs(&a.server.opts, a.server.decoder, a.server.disk.read)
}

// rebuilt builds a version from its kept documents, with the keys and
// certificates of today. Both results are nil if there is none, or if it was
// served with other flags.
func (a *applier) rebuilt(v *storedVersion) (*inputs, *snapshot) {
	if v == nil {
		return nil, nil
	}
	opts := &a.server.opts
	instead, ok := v.contents(opts)
	if !ok {
		return nil, nil
	}
	in, err := a.loadKept(instead)
	in.admitted = !v.Held
	var next *snapshot
	if err == nil {
		next, err = a.rebuild(in, v)
	}
	if err != nil {
		a.server.state.alarm(fmt.Sprintf("state: version %d cannot be served any more: %v", v.Number, err))
		return nil, nil
	}
	return in, next
}

// rebuild builds a version after one that had spelled out what it carries over
// from it.
func (a *applier) rebuild(in *inputs, v *storedVersion) (*snapshot, error) {
	before := in.with(v.Carried)
	prev, err := a.builder(before, before.neverGood(v.Carried), nil).build()
	if err != nil {
		return nil, err
	}
	for _, l := range prev.listeners {
		if was := v.Listeners[l.Name]; l.upstream != nil {
			l.Version, l.Updated = was.Version, was.Updated
		}
	}
	return a.admit(in, prev)
}

// with returns inputs that spell out what they carry over.
func (in *inputs) with(from carried) *inputs {
	other := *in
	if len(from.Subjects) > 0 && in.rollout != nil {
		rollout := *in.rollout
		rollout.Subjects = maps.Clone(in.rollout.Subjects)
		maps.Copy(rollout.Subjects, from.Subjects)
		other.rollout = &rollout
	}
	if len(from.Policies) > 0 {
		policy := *in.policy
		policy.Listeners = maps.Clone(from.Policies)
		for endpoint, p := range in.policy.Listeners {
			if _, carried := from.Policies[endpoint]; !carried {
				policy.Listeners[endpoint] = p
			}
		}
		other.policy = &policy
	}
	other.entries = slices.Clone(in.entries)
	for _, l := range from.Held {
		other.hold(l)
	}
	return &other
}

// hold puts what was served of a listener in the place of its entry.
func (in *inputs) hold(l heldListener) {
	if l.Served == nil {
		return
	}
	e := &entry{listenerID: listenerID{l.Endpoint, l.Ordinal}, index: -1, spec: l.Served}
	for i, old := range in.entries {
		if old.listenerID == e.listenerID {
			e.index, in.entries[i] = old.index, e
			return
		}
	}
	in.entries = append(in.entries, e)
}

// errHeld holds a listener that was never good.
var errHeld = errors.New("it was never good")

// neverGood refuses the listeners that were, by their index.
func (in *inputs) neverGood(from carried) map[int]error {
	refused := map[int]error{}
	for _, l := range from.Held {
		for _, e := range in.entries {
			if l.Served == nil && e.listenerID == (listenerID{l.Endpoint, l.Ordinal}) {
				refused[e.index] = errHeld
			}
		}
	}
	return refused
}

// carriedOver is what a snapshot has and its inputs do not say.
func (in *inputs) carriedOver(s *snapshot) carried {
	c := carried{Subjects: map[string]schemas.RolloutSubject{}, Policies: map[string]schemas.ListenerPolicy{}}
	listed := map[schemas.Subject]bool{}
	if in.rollout != nil {
		for name := range in.rollout.Subjects {
			if subject, err := schemas.ParseSubject(name); err == nil {
				listed[subject.Fold()] = true
			}
		}
	}
	for _, k := range s.keys {
		if !listed[k.subject.Fold()] {
			c.Subjects[k.subject.String()] = k.state
		}
	}
	for endpoint, r := range s.routes {
		if asked, listed := in.policy.Listeners[endpoint]; r.auth != nil && (!listed || !reflect.DeepEqual(asked, r.policy)) {
			c.Policies[endpoint] = r.policy
		}
	}
	for _, l := range s.held() {
		held := heldListener{Endpoint: l.endpoint, Ordinal: l.ordinal}
		if l.upstream != nil {
			held.Served = publicListener(l.upstream.backend.spec)
		}
		c.Held = append(c.Held, held)
	}
	return c
}
