package schemas

import (
	"bytes"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"
)

// A Verdict is what the gate says of one step of one subject.
type Verdict string

// The verdicts. Only [VerdictPromote] allows a step.
const (
	VerdictPromote      Verdict = "promote"
	VerdictWait         Verdict = "wait"         // nothing wrong, not long enough
	VerdictBlocked      Verdict = "blocked"      // clients would be refused
	VerdictInconclusive Verdict = "inconclusive" // no or incomplete data is never a pass
)

// A Plan is a proposal: which subjects may take a step now, and why the
// others may not. Applying it is a separate act.
type Plan struct {
	Version     int              `yaml:"version"`
	ID          string           `yaml:"id"` // digest of everything else, 12 hexadecimal digits
	Environment string           `yaml:"environment"`
	Tier        Tier             `yaml:"tier"`
	Created     time.Time        `yaml:"created"`
	Expires     time.Time        `yaml:"expires"`
	Complete    *time.Time       `yaml:"complete_until,omitempty"` // the evidence; nil if a source of it has told nothing
	Inputs      PlanInputs       `yaml:"inputs"`
	Target      *PlanTarget      `yaml:"target,omitempty"` // nil: the keys live in the rollout file alone
	Window      *ChangeWindow    `yaml:"window,omitempty"` // of the policy; nil: always
	Batches     []Batch          `yaml:"batches"`
	Rollback    []Step           `yaml:"rollback"`       // the way back, newest first
	Subjects    []SubjectVerdict `yaml:"subjects"`       // every subject that has a next step
	Keys        []KeyUse         `yaml:"keys,omitempty"` // of apps that enforce several

	Signature *Signature `yaml:"signature,omitempty"` // over all else, see [Plan.Sign]
}

// PlanInputs are the digests of what a plan was made from; the same inputs
// give the same plan. A digest is empty where there was no such input.
type PlanInputs struct {
	Rollout   string `yaml:"rollout"`
	Policy    string `yaml:"policy"`
	Inventory string `yaml:"inventory"`
	Evidence  string `yaml:"evidence"`

	After   []string `yaml:"after,omitempty"`   // of the rollouts that have to be ahead
	Secrets string   `yaml:"secrets,omitempty"` // of which of them can be read, never of what they are
	Retire  []string `yaml:"retire,omitempty"`  // the keys themselves that were asked to be retired
}

// A PlanTarget is the before-image of a plan that changes keys elsewhere: a
// step is taken only where they still are as they were.
type PlanTarget struct {
	Name string               `yaml:"name"` // apollo
	Keys map[string]StoredKey `yaml:"keys"` // by subject; what is not here was not there
}

// A Batch is a group of steps that are applied together. Its harm is the sum
// of (risk + 0.02) × clients over its apps.
type Batch struct {
	ID       string   `yaml:"id"`
	After    string   `yaml:"after,omitempty"` // has to be applied, and to have baked; empty if it is the first
	Bake     Duration `yaml:"bake,omitempty"`  // how long
	Harm     float64  `yaml:"harm,omitempty"`
	Budget   float64  `yaml:"budget,omitempty"` // that Harm stays within, unless one app alone exceeds it
	Impact   []Impact `yaml:"impact,omitempty"`
	Factors  []string `yaml:"factors,omitempty"` // see [InventoryClient]
	Steps    []Step   `yaml:"steps"`
	Rollback []Step   `yaml:"rollback,omitempty"` // the way back from this batch alone
}

// An Impact is what a step is expected to refuse within some time, if it were
// taken now and nobody stepped back.
type Impact struct {
	Within   Duration `yaml:"within"`
	Requests float64  `yaml:"requests"`
	Clients  float64  `yaml:"clients"` // that have a request refused
}

// A KeyUse says who uses one of several enforced keys of an app.
type KeyUse struct {
	Subject string     `yaml:"subject"`
	Used    int        `yaml:"used"`  // clients that passed with it in the evidence
	Still   int        `yaml:"still"` // of them, those that passed with it last
	Last    *time.Time `yaml:"last,omitempty"`
	Users   []string   `yaml:"users,omitempty"` // the first few of those that still do, by name
}

// A Step moves one subject from one mode to another.
type Step struct {
	Subject string `yaml:"subject"`
	From    Mode   `yaml:"from"`
	To      Mode   `yaml:"to"`
}

// A SubjectVerdict is the gate's verdict on the next step of a subject.
type SubjectVerdict struct {
	Subject   string           `yaml:"subject"`
	From      Mode             `yaml:"from"`
	To        Mode             `yaml:"to"`
	Verdict   Verdict          `yaml:"verdict"`
	Reasons   []string         `yaml:"reasons"`             // for people, most important first
	Ready     *time.Time       `yaml:"ready,omitempty"`     // earliest promotion if nothing fails until then
	Clients   int              `yaml:"clients"`             // seen in the window
	Blocking  []ClientEvidence `yaml:"blocking,omitempty"`  // would be refused, and must not be
	Strangers []ClientEvidence `yaml:"strangers,omitempty"` // would be refused; nobody knows them
	Accepted  []ClientEvidence `yaml:"accepted,omitempty"`  // would be refused, which somebody accepts
	Unseen    []UnseenClient   `yaml:"unseen,omitempty"`    // expected and have not come
	Risk      *Risk            `yaml:"risk,omitempty"`
	EValue    *EValue          `yaml:"e_value,omitempty"`
	Advice    string           `yaml:"advice,omitempty"` // what would make the evidence better

	ApprovedBy []string `yaml:"approved_by,omitempty"`
	Factors    []string `yaml:"factors,omitempty"` // what its clients share with others, see [InventoryClient]
	Impact     []Impact `yaml:"impact,omitempty"`  // if it were enforced now, whatever the verdict

	// How many strangers and accepted clients there are. Of more than a few the
	// lists name the first, and have [OverflowClient] stand for the rest.
	StrangerCount int `yaml:"-"`
	AcceptedCount int `yaml:"-"`
}

// A Risk is the number of clients that a step is expected to refuse within
// the next weeks, and what it is made of.
type Risk struct {
	Total    float64 `yaml:"total"`
	Limit    float64 `yaml:"limit"`    // tau of the policy
	Unseen   float64 `yaml:"unseen"`   // expected clients that have not come
	Repaired float64 `yaml:"repaired"` // clients that failed and have passed since
	Unknown  float64 `yaml:"unknown"`  // clients that nobody has seen or named
}

// An EValue is evidence against the hypothesis that p0 of all client-days or
// more have a failure. It may be looked at as often as one likes.
type EValue struct {
	Value    float64 `yaml:"value"`
	Bar      float64 `yaml:"bar"`    // from here on it is enough
	Epoch    int     `yaml:"epoch"`  // 1 + fixes so far
	Trials   int     `yaml:"trials"` // client-days in this epoch
	Failures int     `yaml:"failures"`
}

// An UnseenClient is expected and has not come.
type UnseenClient struct {
	Client     string     `yaml:"client"`
	Owner      string     `yaml:"owner,omitempty"`
	Period     string     `yaml:"period,omitempty"` // for people: daily, monthly, every 12d
	Last       *time.Time `yaml:"last,omitempty"`
	Due        *time.Time `yaml:"due,omitempty"`
	Weight     float64    `yaml:"weight"` // how likely it still exists; 0 if it is attested
	AttestedBy string     `yaml:"attested_by,omitempty"`
}

// ClientEvidence is what was seen of one client of an app.
type ClientEvidence struct {
	Client  string            `yaml:"client"`
	How     How               `yaml:"how"`
	OK      uint64            `yaml:"ok"`
	Fail    uint64            `yaml:"fail"`
	Reasons map[Reason]uint64 `yaml:"reasons,omitempty"`
	Last    *time.Time        `yaml:"last,omitempty"` // of any request

	AcceptedBy string `yaml:"accepted_by,omitempty"`
}

// DecodePlan reads a plan file and makes sure that nobody edited it.
func DecodePlan(doc *Document) (*Plan, error) {
	plan := &Plan{}
	if _, err := decodeYAML(doc, KindPlan, plan); err != nil {
		return nil, err
	}
	id, err := plan.digest()
	if err != nil {
		return nil, err
	}
	if id != plan.ID {
		return nil, doc.Fault(doc.Root, "this plan is not what its id says: it was edited",
			"make a new one with `lockstep migrate plan`")
	}
	return plan, nil
}

// Encode sets the plan's id and writes it as YAML. The same plan gives the
// same bytes.
func (p *Plan) Encode() ([]byte, error) {
	id, err := p.digest()
	if err != nil {
		return nil, err
	}
	p.ID = id
	return p.yaml()
}

func (p *Plan) digest() (string, error) {
	bare := *p
	bare.ID, bare.Signature = "", nil
	text, err := bare.yaml()
	if err != nil {
		return "", err
	}
	return Digest(text)[len("sha256:"):][:12], nil
}

func (p *Plan) yaml() ([]byte, error) {
	var buf bytes.Buffer
	enc := yaml.NewEncoder(&buf)
	enc.SetIndent(2)
	if err := enc.Encode(p.short()); err != nil {
		return nil, fmt.Errorf("encode plan: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("encode plan: %w", err)
	}
	return buf.Bytes(), nil
}
