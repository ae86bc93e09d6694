package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lockstep/schemas"
)

// A KeyStore is where keys live besides the rollout file: an Apollo that checks
// them itself. What an error says of a call is what the target is known to
// have done; one that is not sure says so.
type KeyStore interface {
	// Keys lists the keys of an app as they are now.
	Keys(ctx context.Context, app string) ([]schemas.StoredKey, error)

	// Create adds a key that is disabled. One that is there already is fine.
	Create(ctx context.Context, app string, secret schemas.Secret) (schemas.StoredKey, error)

	// Set brings a key into a mode by one call, and returns it as it is then.
	// A key that is not as it was seen before is left alone; the error matches
	// [ErrChanged].
	Set(ctx context.Context, app string, before schemas.StoredKey, to schemas.Mode) (schemas.StoredKey, error)

	// Probe asks every node that checks keys, until all treat requests of the
	// app as keys say, which are all that it has, or it has taken too long. If
	// they answer and do not agree, the error matches [ErrDisagree].
	Probe(ctx context.Context, app string, keys []ProbeKey) error

	// Touch has the nodes look again at a key whose change they may have missed.
	// again is false, and nothing was done, where they miss none.
	Touch(ctx context.Context, app string, key schemas.StoredKey) (touched schemas.StoredKey, again bool, err error)
}

// A ProbeKey is a key as every node should know it. Where the secret is empty
// nobody can sign with it, and only its mode counts.
type ProbeKey struct {
	Secret schemas.Secret
	Mode   schemas.Mode
}

// TargetApollo is the one kind of [KeyStore] so far, as plans and flags name it.
const TargetApollo = "apollo"

// ErrChanged is matched by errors that say that somebody else has changed a
// key of a target since it was looked at.
var ErrChanged = errors.New("changed by somebody else")

// ErrDisagree is matched by errors that say that a node does not treat requests
// as the keys of a target demand.
var ErrDisagree = errors.New("a node disagrees")

// ErrTarget is matched by errors of a target: what was asked of it was not
// done, or nobody knows whether it was.
var ErrTarget = errors.New("the target has not done it")

// A targetError is an error that matches [ErrTarget] without saying so.
type targetError struct{ error }

func (targetError) Is(target error) bool { return target == ErrTarget }

func (e targetError) Unwrap() error { return e.error }

// TargetImage asks a target for the keys of a rollout: the before-image of a
// plan. A subject whose secret cannot be read has none, as its key cannot be
// told from others.
func TargetImage(ctx context.Context, target KeyStore, rollout *schemas.Rollout, secrets schemas.SecretSource) (*schemas.PlanTarget, error) {
	image := &schemas.PlanTarget{Name: TargetApollo, Keys: map[string]schemas.StoredKey{}}
	for _, app := range appsOf(rollout.Names()) {
		r, err := newRing(ctx, target, app, rollout, secrets)
		if err != nil {
			return nil, err
		}
		for _, name := range r.subjects {
			if key, ok := r.find(name); ok {
				image.Keys[name] = key
			}
		}
	}
	return image, nil
}

// appsOf lists the apps of subjects in order, as the first subject of each
// spells it: a target does not mind the case.
func appsOf(subjects []string) []string {
	var apps []string
	seen := map[string]bool{}
	for _, subject := range subjects {
		if name, id := appOf(subject); !seen[id] {
			apps, seen[id] = append(apps, name), true
		}
	}
	return apps
}

// A ring holds the keys of one app: those that the target has, and what the
// rollout says of them.
type ring struct {
	app      string
	keys     []schemas.StoredKey
	subjects []string                  // of the rollout, in order
	secrets  map[string]schemas.Secret // by subject; only what can be read
	faults   map[string]error          // why the others cannot
}

// newRing asks the target for the keys of an app, and fetches their secrets.
func newRing(ctx context.Context, target KeyStore, app string, rollout *schemas.Rollout, source schemas.SecretSource) (*ring, error) {
	keys, err := target.Keys(ctx, app)
	if err != nil {
		return nil, targetError{fmt.Errorf("app %s: %w", app, err)}
	}
	r := &ring{app: app, keys: keys, secrets: map[string]schemas.Secret{}, faults: map[string]error{}}
	_, id := appOf("key/" + app)
	for _, name := range rollout.Names() {
		if _, other := appOf(name); other != id {
			continue
		}
		r.subjects = append(r.subjects, name)
		secret, err := source.Resolve(rollout.Subjects[name].Secret)
		if err != nil {
			r.faults[name] = err
			continue
		}
		r.secrets[name] = secret
	}
	return r, nil
}

// find is the key of a subject: the one with its secret.
func (r *ring) find(subject string) (schemas.StoredKey, bool) {
	secret, ok := r.secrets[subject]
	if !ok {
		return schemas.StoredKey{}, false
	}
	i := slices.IndexFunc(r.keys, func(k schemas.StoredKey) bool { return k.Fingerprint == secret.Fingerprint() })
	if i < 0 {
		return schemas.StoredKey{}, false
	}
	return r.keys[i], true
}

// subjectOf is the subject of a key; empty if the rollout lists none, or its
// secret cannot be read.
func (r *ring) subjectOf(key schemas.StoredKey) string {
	for _, name := range r.subjects {
		if secret, ok := r.secrets[name]; ok && secret.Fingerprint() == key.Fingerprint {
			return name
		}
	}
	return ""
}

// in lists the keys that the target has in a mode.
func (r *ring) in(mode schemas.Mode) []schemas.StoredKey {
	return slices.DeleteFunc(slices.Clone(r.keys), func(k schemas.StoredKey) bool { return k.Mode != mode })
}

// put notes that the target has a key now.
func (r *ring) put(key schemas.StoredKey) {
	i := slices.IndexFunc(r.keys, func(k schemas.StoredKey) bool { return k.ID == key.ID })
	if i < 0 {
		r.keys = append(r.keys, key)
		return
	}
	r.keys[i] = key
}

// expected is what every node should know of the app.
func (r *ring) expected() []ProbeKey {
	expected := make([]ProbeKey, len(r.keys))
	for i, key := range r.keys {
		expected[i] = ProbeKey{Secret: r.secrets[r.subjectOf(key)], Mode: key.Mode}
	}
	return expected
}

// settle waits until every node shows what the target has. Where one answers
// and disagrees, the keys that were changed are touched, once.
func (r *ring) settle(ctx context.Context, target KeyStore, changed []string) error {
	err := target.Probe(ctx, r.app, r.expected())
	if !errors.Is(err, ErrDisagree) {
		return err //nolint:wrapcheck // the caller names the app
	}
	looks := false
	for _, key := range r.keys {
		if !slices.Contains(changed, key.ID) {
			continue
		}
		key, again, failed := target.Touch(ctx, r.app, key)
		if failed != nil {
			return errors.Join(err, failed)
		}
		r.put(key)
		looks = looks || again
	}
	if !looks {
		return err //nolint:wrapcheck // the caller names the app
	}
	return target.Probe(ctx, r.app, r.expected()) //nolint:wrapcheck // the caller names the app
}

// storedMode is the mode in which a target has to have a subject. It enforces
// for everybody or for nobody, so a share is observed there.
func storedMode(s schemas.RolloutSubject, now time.Time) schemas.Mode {
	mode := s.ModeAt(now)
	if mode == schemas.ModeEnforce && s.Share > 0 && s.Share < 100 {
		return schemas.ModeObserve
	}
	return mode
}
