package lint

import (
	"errors"
	"fmt"

	"lockstep/schemas"
)

// A Checker holds what is the same for every file. It may be used by many
// goroutines.
type Checker struct {
	schema *schemas.Schema
	rules  []Rule
}

// NewChecker compiles the schema of agent configs, with which a checker works.
func NewChecker() (*Checker, error) {
	schema, err := schemas.Compile(schemas.KindAgent)
	if err != nil {
		return nil, fmt.Errorf("prepare to lint: %w", err)
	}
	return &Checker{schema: schema, rules: Rules()}, nil
}

// An Input is one file and what it is to be judged by. Path is needed, and
// one of Document and Err, which [schemas.ParseDocument] returned.
type Input struct {
	Path     string // as the user named it; findings and the policy's globs use it
	Document *schemas.Document
	Err      error

	Tier    schemas.Tier     // that the user asked for, or empty
	Policy  *schemas.Policy  // or nil
	Rollout *schemas.Rollout // or nil

	// ManifestTier is what the Kubernetes manifest around the file tells, or
	// empty. It counts if nothing else names a tier.
	ManifestTier schemas.Tier

	// ReadFile reads a TLS file by its path in the config. If it is nil, no
	// file is looked at, and a config that names one may get [Unknown].
	ReadFile func(path string) ([]byte, error)
}

// Check judges one file. The only error is one of usage: the sources of the
// tier contradict each other. Everything that is wrong with the file itself,
// also that it is not YAML, is a finding.
func (c *Checker) Check(in Input) (*Report, error) {
	tier, known, err := resolveTier(in)
	if err != nil {
		return nil, err
	}
	p := &Pass{path: in.Path, tierKnown: known}
	if in.Document == nil {
		p.refusals = []refusal{parseRefusal(in.Err)}
		p.piko = judge(p.refusals, nil)
	} else {
		p.read(in.Document, c.schema, in.ReadFile)
	}
	report := &Report{Path: in.Path, Piko: p.piko, Tier: tier}
	for _, r := range c.rules {
		if level := r.level(tier, in.Policy); level != schemas.LevelOff {
			p.rule, p.severity = &r, level
			r.Check(p)
		}
	}
	report.Findings = sorted(p.findings)
	return report, nil
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
