package main

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"lockstep/lint"
	"lockstep/runtime"
	"lockstep/schemas"
)

// A gateMode says whose refusal keeps a listener from being served.
type gateMode string

const (
	gatePolicy  gateMode = "policy"  // lint's column admit, and the rules that the policy names
	gateVerdict gateMode = "verdict" // the real agent's
	gateOff     gateMode = "off"     // nobody's: what can be built is served
)

// gate makes the linter the gate of the runtime: what lints is what runs. It
// is nil for [gateOff].
func (p *process) gate(c *cli.Context) (runtime.Gate, error) {
	mode := gateMode(c.String("gate"))
	switch mode {
	case gateOff:
		return nil, nil //nolint:nilnil // no gate is one
	case gatePolicy, gateVerdict:
	default:
		return nil, usage(schemas.Hint(fmt.Errorf("there is no gate %q", mode), "use one of policy, verdict, off"))
	}
	checker, err := lint.NewChecker()
	if err != nil {
		return nil, err
	}
	return func(c runtime.Candidate) runtime.Admission {
		report, err := checker.Check(lint.Input{
			Path: c.Document.Path, Document: c.Document, Checked: c.Checked, Tier: c.Tier,
			Policy: c.Policy, Rollout: c.Rollout, ReadFile: c.ReadFile, Now: p.now(),
		})
		if err == nil {
			err = unknownRules(c.Policy)
		}
		if err != nil {
			return runtime.Admission{Refusals: []runtime.Refusal{{Listener: runtime.WholeConfig, Err: err}}}
		}
		return admission(report, mode, c.Policy)
	}, nil
}

// unknownRules is the error for rules in runtime.admission that there are not:
// one that is misspelt would refuse nothing.
func unknownRules(policy *schemas.Policy) error {
	for i, id := range policy.Runtime.Admission.Refuse {
		if _, err := lint.RuleByID(id); err != nil {
			return fmt.Errorf("policy: runtime.admission.refuse[%d]: %w", i, err)
		}
	}
	return nil
}

// admission sorts the findings of a config. A comment that suppresses one
// silences an alarm, but lets nothing in.
func admission(report *lint.Report, mode gateMode, policy *schemas.Policy) runtime.Admission {
	var a runtime.Admission
	for _, f := range report.Findings {
		switch {
		case refuses(&f, mode, report.Piko, policy):
			a.Refusals = append(a.Refusals, runtime.Refusal{Listener: listenerOf(&f), Err: faultOf(&f)})
		case f.Severity != schemas.LevelInfo:
			a.Alarms = append(a.Alarms, faultOf(&f).Error())
		}
	}
	for _, s := range report.Suppressed {
		if refuses(&s.Finding, mode, report.Piko, policy) {
			a.Refusals = append(a.Refusals, runtime.Refusal{Listener: listenerOf(&s.Finding), Err: faultOf(&s.Finding)})
		}
	}
	return a
}

// refuses reports whether a finding keeps what it is about from being served.
func refuses(f *lint.Finding, mode gateMode, piko lint.Piko, policy *schemas.Policy) bool {
	if mode == gateVerdict {
		return piko.Verdict == lint.Reject && slices.Contains(verdictRules(), f.Rule)
	}
	return !f.Admit || slices.Contains(policy.Runtime.Admission.Refuse, f.Rule)
}

// verdictRules are those that tell why the real agent refuses a file.
func verdictRules() []string { return []string{"P001", "P002", "P003", "P004", "P005", "P010"} }

func faultOf(f *lint.Finding) *schemas.Fault {
	return &schemas.Fault{Path: f.Path, Span: f.Span, Message: f.Message + " [" + f.Rule + "]", Remedy: f.Hint}
}

// listenerOf is the index of the listener that a finding is in.
func listenerOf(f *lint.Finding) int {
	if i, ok := f.Listener(); ok {
		return i
	}
	return runtime.WholeConfig
}
