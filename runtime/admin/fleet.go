package admin

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"lockstep/schemas"
)

// A Fleet is what many processes say that serve one rollout.
type Fleet struct {
	Format  int          `json:"format"`
	Rollout *Rollout     `json:"rollout,omitempty"` // that all of them should have; nil if none has one
	Nodes   []Member     `json:"nodes"`
	Summary FleetSummary `json:"summary"`
}

// A Member is one process of a fleet.
type Member struct {
	Address     string       `json:"address"`
	Status      *Status      `json:"status,omitempty"`      // nil if nobody answered
	Unreachable string       `json:"unreachable,omitempty"` // why
	Lagging     bool         `json:"lagging,omitempty"`     // it has another rollout
	Differs     []Difference `json:"differs,omitempty"`     // by subject
	Namesakes   []string     `json:"namesakes,omitempty"`   // addresses where another process has the same name
}

// A Difference is a subject that a process has in another way than the fleet.
type Difference struct {
	Subject  string       `json:"subject"`
	Mode     schemas.Mode `json:"mode,omitempty"` // empty if it is not loaded
	Wanted   schemas.Mode `json:"wanted,omitempty"`
	OtherKey bool         `json:"other_key,omitempty"` // in the same mode, with another key
}

// A FleetSummary counts the members; one may be in several counts.
type FleetSummary struct {
	Nodes       int `json:"nodes"`
	Unreachable int `json:"unreachable"`
	Lagging     int `json:"lagging"`
	Differing   int `json:"differing"` // with the same rollout
	Failed      int `json:"failed"`    // with files or listeners that are not served
	Alarmed     int `json:"alarmed"`
	Namesakes   int `json:"namesakes"`
}

// NewFleet compares processes with a rollout, or, if that is nil, with the one
// among theirs that the journal knows last. Where it tells none apart, that is
// the one that most of them have.
func NewFleet(members []Member, want *schemas.Rollout, now time.Time) *Fleet {
	f := &Fleet{Format: FormatVersion, Nodes: members, Summary: FleetSummary{Nodes: len(members)}}
	if want != nil {
		f.Rollout = &Rollout{Environment: want.Environment, Digest: want.Digest(), Seq: want.Journal.Seq}
		for _, name := range want.Names() {
			f.Rollout.Subjects = append(f.Rollout.Subjects, schemas.SubjectState{Subject: name, Mode: want.Subjects[name].ModeAt(now)})
		}
	} else {
		f.Rollout = newest(members)
	}
	f.agreeOnKeys()
	names := map[string][]string{}
	for _, m := range members {
		if m.Status != nil {
			names[m.Status.Node] = append(names[m.Status.Node], m.Address)
		}
	}
	for i := range f.Nodes {
		f.judge(&f.Nodes[i], names)
	}
	return f
}

// newest is the rollout that a fleet should have, by what its members say, in
// the modes that most of them have it in.
func newest(members []Member) *Rollout {
	count := map[string]int{}
	var all []*Rollout
	for _, m := range members {
		if m.Status != nil && m.Status.Rollout != nil {
			all = append(all, m.Status.Rollout)
			count[m.Status.Rollout.Digest]++
		}
	}
	if len(all) == 0 {
		return nil
	}
	best := *slices.MaxFunc(all, func(a, b *Rollout) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(count[a.Digest], count[b.Digest]), cmp.Compare(a.Digest, b.Digest))
	})
	all = slices.DeleteFunc(all, func(r *Rollout) bool { return r.Digest != best.Digest })
	best.Subjects = slices.Clone(best.Subjects)
	for i, s := range best.Subjects {
		best.Subjects[i].Mode = mostly(all, s.Subject, func(s schemas.SubjectState) schemas.Mode { return s.Mode })
	}
	return &best
}

// agreeOnKeys has the rollout name the keys that most members use.
func (f *Fleet) agreeOnKeys() {
	if f.Rollout == nil {
		return
	}
	var all []*Rollout
	for _, m := range f.Nodes {
		if m.Status != nil && m.Status.Rollout != nil {
			all = append(all, m.Status.Rollout)
		}
	}
	for i, s := range f.Rollout.Subjects {
		f.Rollout.Subjects[i].Fingerprint = mostly(all, s.Subject, func(s schemas.SubjectState) string { return s.Fingerprint })
	}
}

// mostly is what most rollouts say of a subject; the greatest breaks a tie.
func mostly[T cmp.Ordered](all []*Rollout, subject string, says func(schemas.SubjectState) T) T {
	count := map[T]int{}
	for _, r := range all {
		if s, ok := r.states()[subject]; ok {
			count[says(s)]++
		}
	}
	var none T
	if len(count) == 0 {
		return none
	}
	return slices.MaxFunc(slices.Collect(maps.Keys(count)), func(a, b T) int {
		return cmp.Or(cmp.Compare(count[a], count[b]), cmp.Compare(a, b))
	})
}

// judge compares one member with the rollout, and counts it.
func (f *Fleet) judge(m *Member, names map[string][]string) {
	if m.Status == nil {
		f.Summary.Unreachable++
		return
	}
	for _, address := range names[m.Status.Node] {
		if address != m.Address {
			m.Namesakes = append(m.Namesakes, address)
		}
	}
	if f.Rollout != nil {
		has := cmp.Or(m.Status.Rollout, &Rollout{})
		m.Lagging, m.Differs = has.Digest != f.Rollout.Digest, has.differences(f.Rollout)
	}
	f.Summary.add(m)
}

func (s *FleetSummary) add(m *Member) {
	tick := func(count *int, is bool) {
		if is {
			*count++
		}
	}
	tick(&s.Lagging, m.Lagging)
	tick(&s.Differing, !m.Lagging && len(m.Differs) > 0)
	tick(&s.Failed, m.Status.Failed())
	tick(&s.Alarmed, len(m.Status.Alarms) > 0)
	tick(&s.Namesakes, len(m.Namesakes) > 0)
}

// Good reports whether all that answered serve the same, and their files.
func (s *FleetSummary) Good() bool {
	return s.Lagging+s.Differing+s.Failed+s.Namesakes == 0
}

// states holds the subjects by name.
func (r *Rollout) states() map[string]schemas.SubjectState {
	if r.byName == nil {
		r.byName = make(map[string]schemas.SubjectState, len(r.Subjects))
		for _, s := range r.Subjects {
			r.byName[s.Subject] = s
		}
	}
	return r.byName
}

// differences lists the subjects that are not as wanted.
func (r *Rollout) differences(want *Rollout) []Difference {
	var all []Difference
	has := r.states()
	for _, w := range want.Subjects {
		s := has[w.Subject]
		switch {
		case s.Mode != w.Mode:
			all = append(all, Difference{Subject: w.Subject, Mode: s.Mode, Wanted: w.Mode})
		case s.Fingerprint != w.Fingerprint:
			all = append(all, Difference{Subject: w.Subject, Mode: s.Mode, Wanted: w.Mode, OtherKey: true})
		}
	}
	for _, s := range r.Subjects {
		if !slices.ContainsFunc(want.Subjects, func(w schemas.SubjectState) bool { return w.Subject == s.Subject }) {
			all = append(all, Difference{Subject: s.Subject, Mode: s.Mode})
		}
	}
	return all
}
