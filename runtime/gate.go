package runtime

import "lockstep/schemas"

// A Gate decides whether a config may be served. The command fills it with
// the linter, so that what lints is what runs.
type Gate func(Candidate) Admission

// A Candidate is a config that could be built, with what it is judged by.
type Candidate struct {
	Document *schemas.Document // the agent config, without the listeners that cannot be read
	Checked  *schemas.Checked  // the same, as the schema of v0.9 judges it; nil if nobody asked
	Tier     schemas.Tier      // empty if nobody says
	Policy   *schemas.Policy
	Rollout  *schemas.Rollout // nil if there is none

	// ReadFile reads a file that the config names, as it was when the
	// candidate was read.
	ReadFile func(path string) ([]byte, error)
}

// An Admission is what a [Gate] says. What is not refused is served.
type Admission struct {
	Refusals []Refusal
	Alarms   []string // what is wrong with a config that is served all the same
}

// A Refusal keeps a listener, or the whole config, from being served.
type Refusal struct {
	Listener int // index in the document; [WholeConfig]
	Err      error
}

// WholeConfig is the listener of a [Refusal] that is about none of them.
const WholeConfig = -1
