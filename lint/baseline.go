package lint

import (
	"slices"

	"lockstep/schemas"
)

// A Baseline knows findings that do not count any more. It may be used by
// many goroutines.
type Baseline struct {
	byPath map[string][]schemas.KnownFinding
}

// NewBaseline sorts the entries of a document by their file.
func NewBaseline(doc *schemas.Baseline) *Baseline {
	b := &Baseline{byPath: map[string][]schemas.KnownFinding{}}
	for _, entry := range doc.Findings {
		name := slashed(entry.Path)
		b.byPath[name] = append(b.byPath[name], entry)
	}
	return b
}

// match tells known findings in the file at path from new ones. An entry
// stands for one finding; stale are those that are left.
func (b *Baseline) match(path string, findings []Finding) (known, fresh []Finding, stale []schemas.KnownFinding) {
	if b == nil {
		return nil, findings, nil
	}
	stale = slices.Clone(b.byPath[slashed(path)])
	for _, f := range findings {
		fingerprint := f.Fingerprint()
		i := slices.IndexFunc(stale, func(e schemas.KnownFinding) bool { return e.Fingerprint == fingerprint })
		if i < 0 {
			fresh = append(fresh, f)
			continue
		}
		known, stale = append(known, f), slices.Delete(stale, i, i+1)
	}
	return known, fresh, stale
}

// With returns the baseline after reports: what they hold, known or new, and
// what b knows of other files. What is said of the baseline itself is left out.
func (b *Baseline) With(reports []*Report) *schemas.Baseline {
	doc, seen := &schemas.Baseline{}, map[string]bool{}
	for _, r := range reports {
		seen[slashed(r.Path)] = true
		for _, f := range slices.Concat(r.Findings, r.Known, r.Unchanged) {
			if f.Rule != baselineStaleID {
				doc.Findings = append(doc.Findings, schemas.KnownFinding{Path: slashed(f.Path + f.Within), Rule: f.Rule, Fingerprint: f.Fingerprint()})
			}
		}
	}
	for name, entries := range b.byPath {
		if !seen[name] {
			doc.Findings = append(doc.Findings, entries...)
		}
	}
	return doc
}

// Accept makes all findings known, as they are once they stand in a baseline.
func (r *Report) Accept() {
	r.Known = sorted(slices.DeleteFunc(slices.Concat(r.Known, r.Findings, r.Unchanged), func(f Finding) bool { return f.Rule == baselineStaleID }))
	r.Findings, r.Unchanged = nil, nil
}
