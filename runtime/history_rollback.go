package runtime

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"lockstep/runtime/admin"
	"lockstep/schemas"
)

// A versionRollback has an earlier version's documents served until one of
// those on disk changes. It is part of the version that came of it, and of
// those that follow while it holds.
type versionRollback struct {
	To     int               `json:"to"`     // the version whose documents are served
	Files  map[string]string `json:"files"`  // digests of the documents on disk, by role
	Reason string            `json:"reason"` // as somebody gave it
	By     string            `json:"by"`     // how the caller is known
	At     time.Time         `json:"at"`
}

// refusal is an error of [admin.ErrRefused] with a remedy, which may be empty.
func refusal(hint, format string, args ...any) error {
	err := fmt.Errorf("%w: "+format, append([]any{admin.ErrRefused}, args...)...)
	if hint == "" {
		return err
	}
	return schemas.Hint(err, hint)
}

// rollBack serves an earlier version's documents with the keys and
// certificates of today. It may bring back any config that was good, and never
// a rollout or policy by which more requests would be refused: a step forward
// needs a plan.
func (a *applier) rollBack(ctx context.Context, r admin.RollbackRequest, by string) error {
	good, opts := a.server.current.Load(), &a.server.opts
	if err := a.mayRollBack(good, r); err != nil {
		return err
	}
	in, instead, err := a.readVersion(r.Version)
	if err != nil {
		return err
	}
	if in.digest == good.version.Digest {
		return refusal("", "version %d is what is served", r.Version)
	}
	next, err := a.admit(in, good)
	if err == nil && next.worseThan(good) {
		err = next.held()[0].Err
	}
	if err != nil {
		return refusal("", "version %d cannot be served any more: %v", r.Version, err)
	}
	if cause := stricter(good, next, opts.Now()); cause != "" {
		return refusal("take steps forward with `lockstep migrate apply`", "version %d is stricter than what is served: %s", r.Version, cause)
	}
	disk, _ := a.loadDisk() // what is wrong with it shows when it is read the next time
	a.rollback = &versionRollback{To: r.Version, Files: disk.documents(opts), Reason: r.Reason, By: by, At: opts.Now()}
	a.instead = instead
	opts.Logger.WarnContext(ctx, "rolled back", "from", good.version.Number, "to", r.Version, "reason", r.Reason, "by", by)
	a.swap(ctx, in, next)
	return nil
}

// readVersion reads a version's documents, and the keys and certificates that
// they name as they are today.
func (a *applier) readVersion(number int) (in *inputs, instead map[string]content, err error) {
	v := a.server.state.load(number)
	if v == nil {
		return nil, nil, noVersion(number)
	}
	instead, ok := v.contents(&a.server.opts)
	if !ok {
		return nil, nil, refusal("roll back the files themselves", "version %d is kept without its documents, or was served with other flags", number)
	}
	if in, err = a.loadKept(instead); err != nil {
		return nil, nil, refusal("", "version %d cannot be read any more: %v", number, err)
	}
	in.admitted = !v.Held
	return in, instead, nil
}

func noVersion(number int) error {
	return refusal("`lockstep ctl history` lists those that are kept", "there is no version %d", number)
}

// maxReason is how many bytes a reason may have.
const maxReason = 500

// mayRollBack refuses what needs no look at the version.
func (a *applier) mayRollBack(good *snapshot, r admin.RollbackRequest) error {
	switch {
	case a.server.state.dir == "" && r.Version > 0:
		return noState()
	case r.Reason == "" || len(r.Reason) > maxReason || strings.ContainsFunc(r.Reason, func(c rune) bool { return !unicode.IsPrint(c) }):
		return refusal("say why in one line, for those who read the history", "a reason is missing, or is no line of text")
	case r.IfMatch != good.version.Number:
		return refusal("look at it again with `lockstep ctl diff`, then name that version",
			"version %d is served, not %d", good.version.Number, r.IfMatch)
	}
	return nil
}

// resume goes on with the rollback of a process before this one.
func (a *applier) resume(last *storedVersion) {
	if last == nil {
		return
	}
	a.server.state.files = last.Files
	if last.Rollback == nil {
		return
	}
	if instead, ok := last.contents(&a.server.opts); ok {
		a.rollback, a.instead = last.Rollback, instead
	}
}

// overruled puts the documents that were rolled back to in the place of those
// on disk, for as long as these do not change.
func (a *applier) overruled(ctx context.Context, in *inputs, err error) (*inputs, error) {
	opts := &a.server.opts
	switch {
	case a.rollback == nil:
		return in, err
	case maps.Equal(a.rollback.Files, in.documents(opts)):
		other, err := a.loadKept(a.instead)
		a.tried = slices.Concat(a.tried, other.names())
		return other, err
	}
	if good := a.server.current.Load(); good != nil && in.digest == good.version.Digest {
		a.endRollback(ctx, in) // the files have become what they were rolled back to
	}
	return in, err
}

// endRollback forgets the rollback, as files on disk are served from now on.
func (a *applier) endRollback(ctx context.Context, in *inputs) {
	if a.rollback == nil || in.kept {
		return
	}
	a.server.opts.Logger.InfoContext(ctx, "the rollback is over, as the files have changed", "was_to", a.rollback.To)
	a.rollback, a.instead = nil, nil
	if v := a.server.state.load(a.server.state.last().Number); v != nil && v.Digest == in.digest {
		v.Rollback = nil
		a.store(v, nil)
	}
}

// stricter says by what next would refuse requests that good lets pass, now or
// later; it is empty if next does not.
func stricter(good, next *snapshot, now time.Time) string {
	moments := []time.Time{now}
	for _, k := range slices.Concat(good.effective, next.effective) {
		if k.state.Until.After(now) {
			moments = append(moments, k.state.Until)
		}
	}
	if cause := strongerMode(good, next, moments); cause != "" {
		return cause
	}
	for _, endpoint := range slices.Sorted(maps.Keys(next.routes)) {
		before, after := good.routes[endpoint], next.routes[endpoint]
		for _, at := range moments {
			if before != nil && after.auth.stricter(before.auth, at) {
				return fmt.Sprintf("callers of listener %s that pass now would be refused", endpoint)
			}
		}
	}
	return ""
}

// strongerMode names a key that next has at a stronger mode.
func strongerMode(good, next *snapshot, moments []time.Time) string {
	before := map[schemas.Subject]*loadedKey{}
	for _, k := range good.effective {
		before[k.subject.Fold()] = k
	}
	for _, k := range next.effective {
		for _, at := range moments {
			mode, was := k.state.ModeAt(at), schemas.ModeDisabled
			if old := before[k.subject.Fold()]; old != nil {
				was = old.state.ModeAt(at)
			}
			if was.Weaker(mode) {
				return fmt.Sprintf("%s would go from %s to %s", k.subject, was, mode)
			}
		}
	}
	return ""
}
