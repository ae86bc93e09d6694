package runtime

import (
	"context"
	"fmt"
)

// nextNumber is the number of the version that inputs make. Numbers go on
// where the process before has ended, and what it served last keeps its own.
func (a *applier) nextNumber(digest string) int {
	last, old := a.server.state.last(), a.server.current.Load()
	if old == nil && last.Number > 0 && last.Digest == digest {
		return last.Number
	}
	number := a.server.state.top
	if old != nil {
		number = max(number, old.version.Number)
	}
	return number + 1
}

// keep writes down what was just applied. A failure is an alarm and nothing
// else: the version is served.
func (a *applier) keep(ctx context.Context, in *inputs, s *snapshot) {
	st := a.server.state
	switch last := st.last(); {
	case st.dir == "":
		st.outlive(keptVersion{Digest: in.digest, Held: len(s.held()) > 0})
		return
	case last.Number == s.version.Number && last.Digest == in.digest:
		return // of the process before
	}
	a.endRollback(ctx, in)
	v, err := a.storable(in, s)
	a.store(v, err)
}

// store writes the file of a version, of which cause says why it has no
// documents.
func (a *applier) store(v *storedVersion, cause error) {
	text := ""
	if cause != nil {
		text = fmt.Sprintf("state: version %d would not survive a restart with a bad file: %v", v.Number, cause)
	}
	if err := a.server.state.keep(v); err != nil {
		a.server.metrics.stateErrors.Inc()
		text = fmt.Sprintf("state: version %d is served, but not kept: %v", v.Number, err)
	}
	a.server.state.fail(text)
}

// storable is the file of a version; without documents if there is an error.
func (a *applier) storable(in *inputs, s *snapshot) (*storedVersion, error) {
	opts := &a.server.opts
	v := &storedVersion{
		keptVersion: keptVersion{
			Format: stateFormat, Number: s.version.Number, Digest: in.digest, Applied: s.version.Applied,
			Rollback: a.rollback, Held: len(s.held()) > 0,
		},
		Files: in.digests(), Carried: in.carriedOver(s), Listeners: map[string]listenerVersion{},
	}
	for _, l := range s.listeners {
		v.Listeners[l.Name] = listenerVersion{l.Version, l.Updated}
	}
	what, names := in.changedFrom(opts, a.server.state.files)
	v.Changed, v.Names = what, names[:min(len(names), maxNames)]
	documents, err := in.keepable(opts, a.server.state.decoder)
	for _, doc := range documents {
		v.Masked = v.Masked || doc.Masked
	}
	v.Documents = documents
	return v, err
}

// digests are those of all inputs, by path.
func (in *inputs) digests() map[string]string {
	all := make(map[string]string, len(in.files))
	for path, c := range in.files {
		all[path] = c.digest
	}
	return all
}
