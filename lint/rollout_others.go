package lint

import (
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// A RolloutFile is one that others are judged beside. Findings name it by its
// path, as any value in it may be a secret in the wrong place.
type RolloutFile struct {
	Path    string // as the user named it
	Rollout *schemas.Rollout
}

// RolloutFile is the source for those that are judged beside it. ok is false
// if it is no rollout file, or cannot be decoded.
func (s *Source) RolloutFile() (file RolloutFile, ok bool) {
	if s.Kind != schemas.KindRollout || s.document == nil {
		return RolloutFile{}, false
	}
	rollout, err := schemas.DecodeRollout(s.document)
	return RolloutFile{Path: s.File, Rollout: rollout}, err == nil
}

// strictest is the key of an app that decides what happens to its clients,
// the first of several.
func strictest(app []rolloutKey, at time.Time) rolloutKey {
	return slices.MaxFunc(app, func(a, b rolloutKey) int { return byStrictness(a.modeAt(at), b.modeAt(at)) })
}

func byStrictness(a, b schemas.Mode) int {
	switch {
	case a.Weaker(b):
		return -1
	case b.Weaker(a):
		return 1
	}
	return 0
}

// modeIn is the strictest mode of an app in a rollout, empty if it has none.
func modeIn(r *schemas.Rollout, app string, at time.Time) (mode schemas.Mode) {
	for _, name := range r.Names() {
		subject, err := schemas.ParseSubject(name)
		if err != nil || !strings.EqualFold(subject.App, app) {
			continue
		}
		if m := r.Subjects[name].ModeAt(at); mode.Weaker(m) {
			mode = m
		}
	}
	return mode
}

// othersOf are the rollouts of a tier that are judged in the same run.
func (p *Pass) othersOf(tier schemas.Tier) []RolloutFile {
	return slices.DeleteFunc(slices.Clone(p.others), func(f RolloutFile) bool { return f.Rollout.Tier != tier })
}

// atMode reports a finding at the mode of a key that holds now.
func (p *Pass) atMode(k rolloutKey, message, hint string) {
	field := "/mode"
	if k.modeAt(p.now) != k.mode {
		field = "/then"
	}
	p.atValue(k.at+field, message, hint)
}
