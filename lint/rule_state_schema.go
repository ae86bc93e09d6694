package lint

import (
	"errors"
	"slices"
	"strings"

	"lockstep/schemas"
)

// stateSchema is K816.
func stateSchema() Rule {
	return Rule{
		ID:    "K816",
		Slug:  "state-schema",
		Title: "the rollout file has an unknown version or field, or lacks one",
		Doc: "`lockstep run` keeps the modes it has rather than guess at a file that it does not understand in full, and `lockstep migrate` does not touch it. " +
			"`lockstep schema rollout` prints what belongs in one.",
		Levels: alwaysError(),
		Check: func(p *Pass) {
			for _, v := range p.rolloutViolations() {
				ofK815 := v.Keyword == "duplicateKey" && v.Pointer == "/subjects"
				if !ofK815 && !lacksMode(v.Pointer, v.Keyword, v.Name) && !p.reportedAs(v) {
					p.at(v.Span, pointerOf(v), v.Message, v.Hint)
				}
			}
			for _, k := range p.rolloutKeys() {
				if !p.checked.Has(k.at + "/secret") {
					p.at(k.place, k.at, "secret is missing in "+k.String(), "add `secret:`, where the key is kept: file:PATH or env:NAME")
				}
			}
			if p.rollout != nil && len(p.violations) == 0 {
				checkDecoding(p)
			}
		},
	}
}

// checkDecoding reports what `lockstep run` refuses beyond the schema, unless
// another rule has found it there.
func checkDecoding(p *Pass) {
	_, err := schemas.DecodeRollout(p.document)
	for _, fault := range faults(err) {
		if !slices.ContainsFunc(p.findings, func(f Finding) bool { return f.Span.Start == fault.Span.Start }) {
			p.at(fault.Span, "", fault.Message, fault.Remedy)
		}
	}
}

// faults takes joined errors apart.
func faults(err error) []*schemas.Fault {
	var all []*schemas.Fault
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			all = append(all, faults(e)...)
		}
		return all
	}
	if fault, ok := errors.AsType[*schemas.Fault](err); ok {
		all = append(all, fault)
	}
	return all
}

// reportedAs reports whether the rule has said of a value already what another
// keyword of its schema says too, as of a time that is none.
func (p *Pass) reportedAs(v schemas.Violation) bool {
	return v.Name == "" && slices.ContainsFunc(p.findings, func(f Finding) bool {
		return f.Rule == p.rule.ID && f.Span == v.Span && f.Pointer == v.Pointer
	})
}

// rolloutViolations are those of the schema of rollout files.
func (p *Pass) rolloutViolations() []schemas.Violation {
	if p.rollout == nil {
		return nil
	}
	return p.violations
}

// violated reports whether the schema has found something at or below pointer.
func (p *Pass) violated(pointer string) bool {
	return slices.ContainsFunc(p.violations, func(v schemas.Violation) bool { return strings.HasPrefix(v.Pointer, pointer) })
}
