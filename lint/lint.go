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
	schema  *schemas.Schema
	rules   []Rule
	bundles *bundleCache
}

// NewChecker compiles the schema of agent configs, with which a checker works.
func NewChecker() (*Checker, error) {
	schema, err := schemas.Compile(schemas.KindAgent)
	if err != nil {
		return nil, fmt.Errorf("prepare to lint: %w", err)
	}
	return &Checker{schema: schema, rules: Rules(), bundles: &bundleCache{}}, nil
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

	// Now is when the file is judged. If it is zero, nothing is said of what
	// expires.
	Now time.Time

	// ReadFile reads a TLS file by its path in the config. If it is nil, no
	// file is looked at, and a config that names one may get [Unknown].
	ReadFile func(path string) ([]byte, error)

	Inventory bool // also list the listeners
	// Stat describes a file that ReadFile reads. If it is nil, nothing is said
	// of who may read a key.
	Stat func(path string) (fs.FileInfo, error)

	Files FileMode // what is made of them; [FilesRequire] if empty
}

// Check judges one file. The only error is one of usage: the sources of the
// tier contradict each other. Everything that is wrong with the file itself,
// also that it is not YAML, is a finding.
func (c *Checker) Check(in Input) (*Report, error) {
	tier, known, err := resolveTier(in)
	if err != nil {
		return nil, err
	}
	p := &Pass{path: in.Path, tier: tier, tierKnown: known, policy: in.Policy, now: in.Now}
	if in.Document == nil {
		p.refusals = []refusal{parseRefusal(in.Err)}
		p.piko = judge(p.refusals, nil)
	} else {
		p.stat, p.looksAtFiles = in.Stat, in.looksAtFiles()
		p.read(in.Document, c, in.reader())
	}
	report := &Report{Path: in.Path, Piko: p.piko, Tier: tier}
	if in.Inventory {
		report.Listeners = p.inventory(in.ReadFile)
	}
	for _, r := range c.rules {
		if level := r.level(tier, in.Policy); level != schemas.LevelOff {
			p.rule, p.severity = &r, level
			r.Check(p)
		}
	}
	report.Findings = sorted(p.findings)
	if in.Document != nil && len(p.findings) > 0 {
		addSnippets(in.Document, report.Findings)
	}
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
