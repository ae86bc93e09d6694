package runtime

import (
	"cmp"
	"fmt"
	"slices"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

// loadedKey is one subject of a rollout with its secret, if it is of a kind that has one.
type loadedKey struct {
	subject     schemas.Subject // as the rollout spells it
	state       schemas.RolloutSubject
	entry       string         // digest of state as the rollout lists it; empty if it no longer does
	key         *accesskey.Key // matches nothing if the secret could not be loaded; nil for an upstream
	fingerprint string         // empty if the secret could not be loaded, or there is none
}

// loadKeys fetches the secrets of the rollout and carries over from prev what
// a file must not take away in silence: a subject that is no longer listed
// keeps its mode, and a secret that has become unreadable stays loaded. A
// weaker mode has to be spelled out. Each such case is an alarm.
func loadKeys(in *inputs, prev []*loadedKey, getenv func(string) string) (keys []*loadedKey, alarms []string) {
	last := map[schemas.Subject]*loadedKey{}
	for _, k := range prev {
		last[k.subject.Fold()] = k
	}
	if in.rollout != nil {
		source := schemas.SecretSource{Dir: in.secretDir(), ReadFile: in.ReadFile, Getenv: getenv}
		for _, name := range in.rollout.Names() {
			key, alarm := loadKey(name, in.rollout.Subjects[name], source, last)
			keys, alarms = append(keys, key), append(alarms, alarm...)
			delete(last, key.subject.Fold())
		}
	}
	for _, k := range prev {
		if last[k.subject.Fold()] != nil && k.state.Mode != schemas.ModeDisabled {
			stays := *k
			stays.entry = ""
			keys = append(keys, &stays)
			alarms = append(alarms, fmt.Sprintf(
				"%s is no longer in the rollout and stays at %s; list it with the mode you want", k.subject, k.state.Mode))
		}
	}
	slices.SortFunc(keys, func(a, b *loadedKey) int { return cmp.Compare(a.subject.String(), b.subject.String()) })
	return keys, alarms
}

// loadKey fetches one secret. Without one, a key that matches nothing takes
// its place, so that what is enforced fails closed.
func loadKey(
	name string, entry schemas.RolloutSubject, source schemas.SecretSource, last map[schemas.Subject]*loadedKey,
) (key *loadedKey, alarms []string) {
	subject, err := schemas.ParseSubject(name)
	if err != nil { // the rollout was checked
		return &loadedKey{key: accesskey.NewKey(name, schemas.Secret{})}, []string{err.Error()}
	}
	key = &loadedKey{subject: subject, state: entry, entry: entry.Digest()}
	if entry.Then != "" && !entry.Then.Weaker(entry.Mode) {
		alarms = []string{fmt.Sprintf("%s: then is %s, which is not weaker than %s, and counts for nothing", name, entry.Then, entry.Mode)}
	}
	if subject.Endpoint != "" {
		return key, alarms
	}
	secret, err := source.Resolve(entry.Secret)
	if err == nil {
		key.key, key.fingerprint = accesskey.NewKey(name, secret), secret.Fingerprint()
		return key, alarms
	}
	consequence := "no request can match it"
	if old := last[subject.Fold()]; old != nil && old.fingerprint != "" {
		key.key, key.fingerprint = old.key, old.fingerprint
		consequence = "the one loaded before stays"
	} else {
		key.key = accesskey.NewKey(name, schemas.Secret{})
	}
	if entry.Mode == schemas.ModeDisabled {
		return key, alarms
	}
	return key, append(alarms, fmt.Sprintf("the key of %s cannot be read and %s: %v", name, consequence, err))
}
