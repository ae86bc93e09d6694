package lint

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"lockstep/schemas"
)

// A Fix is what would mend a finding: changes of the text that keep all else
// in the file as it is.
type Fix struct {
	// Safe says that the config comes to mean what it was written for. Other
	// fixes change what the agent does, and may break clients.
	Safe  bool           `json:"safe"`
	Edits []schemas.Edit `json:"edits"`
}

// maxFixRounds bounds how often one fix may bring up another: a key that is
// spelt right may have a value that is wrong.
const maxFixRounds = 10

// A Fixed file is what came of fixing.
type Fixed struct {
	Source []byte  // nil if nothing was fixed
	Report *Report // of what the file holds then
	Count  int     // of the findings that were fixed
}

// Fix mends all findings that have a safe fix, and with unsafe also the
// others that have one. A [*FixError] means that a fix did not have the effect
// it was meant to have, or cannot be made in this file.
func (c *Checker) Fix(in Input, unsafe bool) (*Fixed, error) {
	report, err := c.Check(in)
	if err != nil {
		return nil, err
	}
	fixed := &Fixed{Report: report}
	for range maxFixRounds {
		chosen, edits := chooseFixes(fixed.Report.Findings, unsafe)
		if len(edits) == 0 {
			return fixed, nil
		}
		if in.Document, err = edited(in.Document, edits); err != nil {
			return nil, fixError(in.Path, err)
		}
		if report, err = c.Check(in); err != nil {
			return nil, err
		}
		if err := checkGone(chosen, fixed.Report, report); err != nil {
			return nil, fixError(in.Path, err)
		}
		fixed.Source, fixed.Report, fixed.Count = in.Document.Source, report, fixed.Count+len(chosen)
	}
	return nil, fixError(in.Path, errors.New("each fix brings up another"))
}

// A FixError says why a file cannot be fixed, though it can be judged.
type FixError struct{ error }

// Unwrap returns the cause.
func (e *FixError) Unwrap() error { return e.error }

func fixError(path string, err error) error {
	if len(schemas.Hints(err)) == 0 {
		err = schemas.Hint(err, "nothing is written; mend it by hand")
	}
	return &FixError{fmt.Errorf("fix %s: %w", path, err)}
}

// chooseFixes picks fixes that can be made together. What is reported of
// several listeners in one place is edited once; a fix that overlaps an
// earlier one has to wait for the next round.
func chooseFixes(findings []Finding, unsafe bool) (chosen []Finding, edits []schemas.Edit) {
	for _, f := range findings {
		if f.Fix == nil || !f.Fix.Safe && !unsafe {
			continue
		}
		var more []schemas.Edit
		for _, e := range f.Fix.Edits {
			if !slices.Contains(edits, e) {
				more = append(more, e)
			}
		}
		if slices.ContainsFunc(more, func(e schemas.Edit) bool { return slices.ContainsFunc(edits, e.Overlaps) }) {
			continue
		}
		chosen, edits = append(chosen, f), append(edits, more...)
	}
	return chosen, edits
}

// edited makes the edits and reads the result, which has to hold what was
// intended and nothing else.
func edited(doc *schemas.Document, edits []schemas.Edit) (*schemas.Document, error) {
	source, err := doc.Edit(edits)
	if err != nil {
		return nil, err
	}
	after, err := schemas.ParseDocument(doc.Path, source)
	if err != nil {
		return nil, errors.New("the result would not be YAML")
	}
	if !slices.Equal(intended(doc, edits), content(after.Root)) || bytes.Equal(source, doc.Source) {
		return nil, errors.New("the result would not hold what was intended")
	}
	return after, nil
}

// checkGone wants fewer findings like each of the chosen ones.
func checkGone(chosen []Finding, before, after *Report) error {
	for _, f := range chosen {
		like := func(r *Report) (n int) {
			for _, other := range r.Findings {
				if other.Fingerprint() == f.Fingerprint() {
					n++
				}
			}
			return n
		}
		if like(after) >= like(before) {
			return fmt.Errorf("%s on line %d would still be there", f.Rule, f.Span.Start.Line)
		}
	}
	return nil
}

// mend gives a fix to the finding reported last; there is none without edits,
// nor where variables were put in, as a value may then come from one of them.
func (p *Pass) mend(safe bool, edits []schemas.Edit) {
	if len(edits) > 0 && p.expansion == nil {
		p.findings[len(p.findings)-1].Fix = &Fix{Safe: safe, Edits: edits}
	}
}
