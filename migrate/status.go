package migrate

import (
	"cmp"
	"slices"
	"time"

	"lockstep/schemas"
)

// A State sums a rollout, or a subject of it, up in a word.
type State string

// The states. A rollout is ready if any step may be taken, unless it has
// drifted; else the state is that of the subject that is farthest from it.
const (
	StateReady        State = "ready"
	StateDone         State = "done" // every subject is enforced
	StateWaiting      State = "waiting"
	StateBlocked      State = "blocked"
	StateInconclusive State = "inconclusive"
	StateDrift        State = "drift"
)

// stateOf is what a verdict means for a subject.
func stateOf(v schemas.Verdict) State {
	switch v {
	case schemas.VerdictPromote:
		return StateReady
	case schemas.VerdictWait:
		return StateWaiting
	case schemas.VerdictBlocked:
		return StateBlocked
	case schemas.VerdictInconclusive:
	}
	return StateInconclusive
}

// A Status is where a rollout stands. It is written as JSON.
type Status struct {
	Environment string          `json:"environment"`
	Tier        schemas.Tier    `json:"tier"`
	At          time.Time       `json:"at"`
	State       State           `json:"status"`
	Ready       *time.Time      `json:"ready,omitempty"` // when the next step may be taken if nothing fails, as far as that is known
	Enforced    int             `json:"enforced"`        // subjects
	Refused     Refused         `json:"refused"`
	Gaps        int             `json:"gaps"`             // stretches of time for which a node has no evidence
	Expected    float64         `json:"expected_refused"` // besides those: clients that enforcing is expected to refuse within five weeks
	Drift       []string        `json:"drift"`
	Unknown     []string        `json:"unknown,omitempty"` // what cannot be compared with the target, and why
	Subjects    []SubjectStatus `json:"subjects"`          // that have a next step, by name
}

// A SubjectStatus is where one subject stands; the lists of a plan are counted.
type SubjectStatus struct {
	Subject   string       `json:"subject"`
	From      schemas.Mode `json:"from"`
	To        schemas.Mode `json:"to"`
	State     State        `json:"status"`
	Reasons   []string     `json:"reasons"`
	Ready     *time.Time   `json:"ready,omitempty"`
	Clients   int          `json:"clients"`
	Blocking  int          `json:"blocking"`
	Strangers int          `json:"strangers"`
	Accepted  int          `json:"accepted"`
	Unseen    int          `json:"unseen"`
	Overdue   int          `json:"overdue"`           // of the unseen: they should have come by now
	Risk      *float64     `json:"risk,omitempty"`    // of the app's keys together
	EValue    *float64     `json:"e_value,omitempty"` // the same
}

// Status says where the rollout stands.
func (v *View) Status() *Status {
	s := &Status{
		Environment: v.plan.Environment, Tier: v.plan.Tier, At: v.plan.Created, Refused: v.Diff().Refused,
		Drift: append(append([]string{}, v.history.Drift...), nodeDrift(v.in)...), Subjects: []SubjectStatus{},
		Gaps: len(v.in.Evidence.Gaps), Unknown: v.history.Unknown,
	}
	for _, subject := range v.in.Rollout.Subjects {
		if subject.Mode == schemas.ModeEnforce {
			s.Enforced++
		}
	}
	for i := range v.plan.Subjects {
		s.Subjects = append(s.Subjects, newSubjectStatus(&v.plan.Subjects[i], v.plan.Created))
	}
	s.State, s.Ready, s.Expected = s.overall(), s.nextReady(), expectedRefused(v.plan)
	return s
}

func newSubjectStatus(v *schemas.SubjectVerdict, now time.Time) SubjectStatus {
	s := SubjectStatus{
		Subject: v.Subject, From: v.From, To: v.To, State: stateOf(v.Verdict), Reasons: v.Reasons, Ready: v.Ready, Clients: v.Clients,
		Blocking: len(v.Blocking), Strangers: v.StrangerCount, Accepted: v.AcceptedCount, Unseen: len(v.Unseen),
	}
	for _, c := range v.Unseen {
		if c.Due != nil && c.Due.Before(now) {
			s.Overdue++
		}
	}
	if v.Risk != nil {
		s.Risk = &v.Risk.Total
	}
	if v.EValue != nil {
		s.EValue = &v.EValue.Value
	}
	return s
}

// expectedRefused sums the risks up, of which the keys of an app have one.
func expectedRefused(plan *schemas.Plan) float64 {
	sum, counted := 0.0, map[string]bool{}
	for _, v := range plan.Subjects {
		if _, id := appOf(v.Subject); v.Risk != nil && !counted[id] {
			counted[id] = true
			sum += v.Risk.Total
		}
	}
	return significant(sum)
}

func (s *Status) overall() State {
	switch {
	case len(s.Drift) > 0:
		return StateDrift
	case len(s.Unknown) > 0: // what nobody can compare is neither drift nor its absence
		return StateInconclusive
	case len(s.Subjects) == 0:
		return StateDone
	}
	farther := func(a, b SubjectStatus) int { return cmp.Compare(distance(a.State), distance(b.State)) }
	if nearest := slices.MinFunc(s.Subjects, farther); nearest.State == StateReady {
		return StateReady
	}
	return slices.MaxFunc(s.Subjects, farther).State
}

// distance orders the states of subjects like the verdicts of the gate.
func distance(s State) int {
	return slices.Index([]State{StateReady, StateWaiting, StateInconclusive, StateBlocked}, s)
}

// nextReady is when the first waiting subject will be ready.
func (s *Status) nextReady() *time.Time {
	var next *time.Time
	for _, subject := range s.Subjects {
		if subject.Ready != nil && (next == nil || subject.Ready.Before(*next)) {
			next = subject.Ready
		}
	}
	return next
}

// Count is the number of subjects in a state.
func (s *Status) Count(state State) int {
	n := 0
	for _, subject := range s.Subjects {
		if subject.State == state {
			n++
		}
	}
	return n
}
