package lint

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"lockstep/schemas"
)

// A Checker holds what is the same for every file. It may be used by many
// goroutines.
type Checker struct {
	version schemas.PikoVersion
	schema  *schemas.Schema
	other   schemas.PikoVersion // one with the other form of config
	rules   []Rule
	bundles *bundleCache
}

// NewChecker makes a checker of configs for Piko v0.9.
func NewChecker() (*Checker, error) { return NewCheckerFor(schemas.Piko09) }

// NewCheckerFor makes a checker of configs for a version of Piko. It compiles
// the schema with which the checker works.
func NewCheckerFor(version schemas.PikoVersion) (*Checker, error) {
	schema, err := version.Schema()
	if err != nil {
		return nil, fmt.Errorf("prepare to lint: %w", err)
	}
	other := schemas.Piko07
	if version.Before08() {
		other = schemas.Piko09
	}
	return &Checker{version: version, schema: schema, other: other, rules: Rules(), bundles: &bundleCache{}}, nil
}

// An Input is one file and what it is to be judged by. Path is needed, and
// one of Document and Err, which [schemas.ParseDocument] returned.
type Input struct {
	Path     string // as the user named it; findings and the policy's globs use it
	Document *schemas.Document
	Err      error

	// Checked is Document as the schema of the checker's version judges it. If
	// it is nil, the checker has it judged.
	Checked *schemas.Checked

	// Expansion is what Err was found in, if variables were put in; a document
	// knows its own.
	Expansion *schemas.Expansion

	Tier    schemas.Tier     // that the user asked for, or empty
	Policy  *schemas.Policy  // or nil
	Rollout *schemas.Rollout // or nil

	// Handshakes are those that were observed with the upstreams of Rollout, by
	// subject; nil if nobody has looked.
	Handshakes map[string]Handshakes

	// Journal is that of the rollout file to judge; empty if there is none.
	Journal []schemas.JournalEntry

	// Others are the rollout files that are judged in the same run. The one to
	// judge may be among them.
	Others []RolloutFile

	// Served are the endpoints of the configs that Rollout is rolled out for, if
	// it is the file to judge; nil if they are not known.
	Served Served

	Baseline *Baseline // or nil
	Since    *Since    // or nil, for all findings

	// Within names the config in the Kubernetes manifest at Path, if it is in
	// one: `#name/key`.
	Within string

	// ManifestTier is what the Kubernetes manifest around the file tells, or
	// empty. It counts if nothing else names a tier.
	ManifestTier schemas.Tier

	// Manifest is the Kubernetes manifest around the file, nil if there is none.
	Manifest *Manifest

	// Now is when the file is judged. If it is zero, nothing is said of what
	// expires, and the file is judged as if it had no suppressions.
	Now time.Time

	// ReadFile reads a TLS file by its path in the config. If it is nil, no
	// file is looked at, and a config that names one may get [Unknown].
	ReadFile func(path string) ([]byte, error)

	Inventory bool // also list the listeners
	// Stat describes a file that ReadFile reads. If it is nil, nothing is said
	// of who may read a key.
	Stat func(path string) (fs.FileInfo, error)

	Files FileMode // what is made of them; [FilesRequire] if empty

	// Probes are what the upstreams answered. If it is nil, nobody asked them,
	// and nothing is said of it.
	Probes *Probes
}

// maxFindings is how many findings one file may have: three in each of ten
// thousand listeners.
const maxFindings = 30_000

// ErrTooManyFindings says that a file is left alone, as its findings would
// fill the memory and nobody would read them.
var ErrTooManyFindings = errors.New("there are tens of thousands of findings, too many to list")

func tooManyFindings(path string) error {
	return schemas.Hint(fmt.Errorf("lint %s: %w", path, ErrTooManyFindings), "check that this is a config of the Piko agent")
}

// Check judges one file. Everything that is wrong with the file itself, also
// that it is not YAML, is a finding. An error is one of usage, as the sources
// of the tier contradict each other, or [ErrTooManyFindings].
func (c *Checker) Check(in Input) (*Report, error) {
	p, err := c.pass(in)
	if err != nil {
		return nil, err
	}
	if in.Document == nil {
		p.setExpansion(in.Expansion)
		p.refusals = []refusal{parseRefusal(in.Err)}
		p.piko = judge(p.refusals, nil)
	} else if err := p.read(in, c); err != nil {
		return nil, err
	}
	report := &Report{Path: in.Path + in.Within, Kind: schemas.KindAgent, Piko: p.piko, Tier: p.tier}
	if in.Inventory {
		report.Listeners = p.inventory(in.ReadFile)
	}
	if in.Rollout != nil {
		report.Served = p.endpoints()
	}
	if in.Probes != nil {
		report.Targets = p.probe(in.Probes)
		report.Unanswered = p.unanswered()
	}
	if err := c.run(p, report, in, c.rules); err != nil {
		return nil, err
	}
	return report, nil
}

// pass makes a pass that knows what in says of the file from outside.
func (c *Checker) pass(in Input) (*Pass, error) {
	tier, known, err := resolveTier(in)
	if err != nil {
		return nil, err
	}
	p := &Pass{
		path: in.Path, within: in.Within, version: c.version, tier: tier, tierKnown: known, policy: in.Policy, rules: c.rules,
		now: in.Now, baseline: in.Baseline, manifest: in.Manifest, stages: in.Rollout, handshakes: in.Handshakes,
	}
	if !in.Now.IsZero() {
		p.suppressions = readSuppressions(in.Document)
	}
	return p, nil
}

// run has each rule look at the file, and reports what is left of that.
func (c *Checker) run(p *Pass, report *Report, in Input, rules []Rule) error {
	for i := range rules {
		r := &rules[i]
		if level := r.level(p.tier, in.Policy); level != schemas.LevelOff {
			p.rule, p.severity = r, level
			r.Check(p)
		}
		if p.full {
			return tooManyFindings(in.Path)
		}
	}
	report.Suppressed = p.suppress()
	report.listSuppressed()
	report.Known, report.Findings, _ = in.Baseline.match(report.Path, sorted(p.findings))
	report.Unchanged, report.Findings = in.Since.split(in.Document, in.Manifest, report.Path, report.Findings)
	if in.Document != nil && len(report.Findings) > 0 {
		addSnippets(in.Document, report.Findings)
	}
	return nil
}

// parseRefusal is why the agent refuses a file that is not YAML.
func parseRefusal(err error) refusal {
	if fault, ok := errors.AsType[*schemas.Fault](err); ok {
		return refusal{span: fault.Span, reason: fault.Message, hint: fault.Remedy}
	}
	return refusal{span: documentStart(), reason: "it is not YAML"}
}

// documentStart is where a fault stands that has no better place.
func documentStart() schemas.Span {
	at := schemas.Position{Line: 1, Column: 1}
	return schemas.Span{Start: at, End: at}
}
