package lint

import "lockstep/schemas"

// MaskedLines is what a snippet of each line would show, whether or not there
// is a finding on it.
func MaskedLines(doc *schemas.Document) []Snippet {
	m := newMasker(doc)
	var all []Snippet
	for i := range m.lines {
		at := schemas.Position{Line: i + 1, Column: 1}
		all = append(all, m.snippet(schemas.Span{Start: at, End: schemas.Position{Line: at.Line + 1, Column: 1}}))
	}
	return all
}
