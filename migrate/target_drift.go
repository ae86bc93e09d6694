package migrate

import (
	"context"
	"fmt"
	"time"

	"lockstep/schemas"
)

// CompareTarget adds to a history, for people, in what the keys of a target are
// not as the rollout has them at a moment, and what cannot be told as a secret
// cannot be read. The error is of a target that does not tell.
func (h *History) CompareTarget(ctx context.Context, target KeyStore, rollout *schemas.Rollout, secrets schemas.SecretSource, now time.Time) error {
	for _, app := range appsOf(rollout.Names()) {
		r, err := newRing(ctx, target, app, rollout, secrets)
		if err != nil {
			return err
		}
		for _, name := range r.subjects {
			if err := r.faults[name]; err != nil {
				h.Unknown = append(h.Unknown, fmt.Sprintf("%s cannot be compared with Apollo: %s", name, err))
			} else if text := r.drift(name, storedMode(rollout.Subjects[name], now)); text != "" {
				h.Drift = append(h.Drift, text)
			}
		}
		h.Drift = append(h.Drift, r.unlisted()...)
	}
	return nil
}

// drift compares a subject with its key; empty if they agree.
func (r *ring) drift(name string, want schemas.Mode) string {
	key, ok := r.find(name)
	switch {
	case !ok && want == schemas.ModeDisabled:
		return ""
	case !ok:
		return fmt.Sprintf("Apollo has no key with the secret of %s, the rollout has it in mode %s", name, want)
	case key.Mode != want:
		return fmt.Sprintf("Apollo has %s in mode %s%s, the rollout in mode %s", name, key.Mode, touched(key), want)
	}
	return ""
}

// unlisted names the keys that do something and are none of the rollout. Where
// a secret cannot be read, they may be those of that subject.
func (r *ring) unlisted() []string {
	var texts []string
	for _, key := range r.keys {
		if key.Mode != schemas.ModeDisabled && r.subjectOf(key) == "" && len(r.faults) == 0 {
			texts = append(texts, fmt.Sprintf("Apollo has %s in mode %s%s, and the rollout does not list it", r.describe(key), key.Mode, touched(key)))
		}
	}
	return texts
}

// describe names a key by what Apollo's Portal shows, and by its fingerprint.
func (r *ring) describe(key schemas.StoredKey) string {
	return fmt.Sprintf("key %s (fingerprint %s) of app %s", printable(key.ID), printable(key.Fingerprint), r.app)
}

// touched says when a key was changed last, and by whom.
func touched(key schemas.StoredKey) string {
	text := ""
	if !key.Changed.IsZero() {
		text = " since " + minute(key.Changed)
	}
	if key.By != "" {
		text += " by " + printable(key.By)
	}
	return text
}
