package migrate

import (
	"fmt"

	"lockstep/schemas"
)

// A View is what is known of a rollout, for those who look and change nothing:
// the plan with what it was made from, folded once. The evidence may be closed.
type View struct {
	in      *Input
	plan    *schemas.Plan
	history History
	gate    *gate
	apps    map[string][]*visitor // by id
}

// NewView takes in what [NewPlan] made a plan from. The error is of evidence
// that cannot be read.
func NewView(in Input, plan *schemas.Plan, history History) (*View, error) {
	in.setDefaults()
	in.whole = true // for the curves of a report
	v := &View{in: &in, plan: plan, history: history, gate: newGate(&in)}
	v.apps = visitorsOf(&in, v.gate.renewed)
	if err := in.Evidence.failed; err != nil {
		return nil, fmt.Errorf("read the evidence: %w", err)
	}
	return v, nil
}

// Silent reports whether nothing at all is known of clients: where not even an
// event was found, that somebody has not come says nothing about them.
func (v *View) Silent() bool { return v.in.Evidence.Silent() }

// JournalPath is where the journal beside the rollout file is, or would be.
func (v *View) JournalPath() string { return v.history.Path }
