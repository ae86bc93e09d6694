package schemas

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Rollout is the desired state of one environment: which subject is in
// which mode.
type Rollout struct {
	Version     int                       `yaml:"version" json:"version"`
	Environment string                    `yaml:"environment" json:"environment"`
	Tier        Tier                      `yaml:"tier" json:"tier"`
	Subjects    map[string]RolloutSubject `yaml:"subjects" json:"subjects"`
	Journal     JournalRef                `yaml:"journal" json:"-"`
}

// A RolloutSubject is the state of one subject.
type RolloutSubject struct {
	Mode   Mode      `yaml:"mode" json:"mode"`
	Since  time.Time `yaml:"since" json:"since"`           // when Mode was entered
	Secret SecretRef `yaml:"secret" json:"secret"`         // relative to the rollout file; empty for an upstream
	Batch  string    `yaml:"batch" json:"batch,omitempty"` // the batch that brought it here
	Until  time.Time `yaml:"until" json:"until,omitzero"`  // from when on Then holds; zero: never
	Then   Mode      `yaml:"then" json:"then,omitempty"`   // weaker than Mode
	Share  int       `yaml:"share" json:"share,omitempty"` // per cent of the verified clients that Mode enforces; 0: all
}

// ModeAt is the mode that holds at a moment. It follows from the entry alone:
// nobody writes anything when a brownout ends. A Then that is not weaker than
// Mode counts for nothing, as it would enforce without anybody's looking.
func (s RolloutSubject) ModeAt(at time.Time) Mode {
	if !s.Until.IsZero() && !at.Before(s.Until) && s.Then.Valid() && s.Then.Weaker(s.Mode) {
		return s.Then
	}
	return s.Mode
}

// Digest identifies the entry: whatever changes in it changes the digest, and
// two ways to write the same moment do not.
func (s RolloutSubject) Digest() string {
	s.Since, s.Until = s.Since.UTC(), s.Until.UTC()
	text, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	return Digest(text)
}

// Partial reports whether the entry enforces for a share of the clients only,
// or only for a while.
func (s RolloutSubject) Partial() bool {
	share := s.Share > 0 && s.Share < 100
	return s.Mode == ModeEnforce && (share || !s.Until.IsZero())
}

// At returns the rollout as it holds at a moment: brownouts that are over have
// become the mode that follows them.
func (r *Rollout) At(at time.Time) *Rollout {
	now := *r
	now.Subjects = maps.Clone(r.Subjects)
	for name, s := range now.Subjects {
		if mode := s.ModeAt(at); mode != s.Mode {
			s.Mode, s.Since = mode, s.Until
			s.Until, s.Then, s.Share = time.Time{}, "", 0
			now.Subjects[name] = s
		}
	}
	return &now
}

// A JournalRef ties a rollout file to the last journal entry it reflects.
type JournalRef struct {
	Seq  uint64 `yaml:"seq"`
	Head string `yaml:"head"` // hash of that entry
}

// DecodeRollout reads a rollout file.
func DecodeRollout(doc *Document) (*Rollout, error) {
	rollout := &Rollout{}
	checked, err := decodeYAML(doc, KindRollout, rollout)
	if err != nil {
		return nil, err
	}
	return rollout, rollout.check(doc, checked)
}

func (r *Rollout) check(doc *Document, checked *Checked) error {
	var errs []error
	seen := map[Subject]string{}
	for _, name := range r.Names() {
		pointer := "/subjects/" + escapePointer.Replace(name)
		key, _ := checked.Place(pointer)
		s, err := ParseSubject(name)
		if err != nil || !s.HasMode() {
			errs = append(errs, &Fault{doc.Path, key, "not a subject", "write key/<app>/<id>, such as key/demo/k1, or tls/<endpoint_id>"})
			continue
		}
		if other, twice := seen[s.Fold()]; twice {
			errs = append(errs, &Fault{doc.Path, key, fmt.Sprintf("%s and %s are the same key, as Apollo ignores the case of app ids", other, name), "keep one of the two"})
		}
		seen[s.Fold()] = name
		if s := r.Subjects[name]; s.Until.IsZero() != (s.Then == "") {
			errs = append(errs, &Fault{doc.Path, key, "until and then belong together", "write `until: TIME` and `then: MODE`, or neither"})
		}
		if field, err := r.Subjects[name].checkKind(s); err != nil {
			span := key
			if pointer += "/" + field; checked.Has(pointer) {
				_, span = checked.Place(pointer)
			}
			errs = append(errs, &Fault{doc.Path, span, err.Error(), strings.Join(Hints(err), "; ")})
		}
	}
	return errors.Join(errs...)
}

// Names lists the subjects in order.
func (r *Rollout) Names() []string { return slices.Sorted(maps.Keys(r.Subjects)) }

// Digest identifies the desired state: environment, tier and subjects, not
// comments, order or journal. It is "sha256:" and 64 hexadecimal digits.
func (r *Rollout) Digest() string {
	state := *r
	state.Subjects = maps.Clone(r.Subjects)
	for name, s := range state.Subjects {
		s.Since, s.Until = s.Since.UTC(), s.Until.UTC()
		state.Subjects[name] = s
	}
	text, err := json.Marshal(state) // maps are written in order
	if err != nil {
		return ""
	}
	return Digest(text)
}

// Digest returns the SHA-256 of data as it is written in documents.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
