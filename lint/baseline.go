package lint

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"lockstep/schemas"
)

// Fingerprint identifies a finding by what it is about and not by where it
// stands: the rule, the file, the value, and the endpoint in place of the
// listener's number. Findings of one rule at one value share it.
func (f *Finding) Fingerprint() string {
	pointer := f.Pointer
	if i, ok := f.Listener(); ok && f.EndpointID != "" {
		pointer = strings.TrimPrefix(pointer, "/listeners/"+strconv.Itoa(i))
	}
	text := strings.Join([]string{f.Rule, cleanPath(f.Path + f.Within), pointer, f.EndpointID}, "\x00")
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// cleanPath is one spelling of a path, on every system.
func cleanPath(name string) string { return path.Clean(filepath.ToSlash(name)) }

// A Baseline knows findings that do not count any more. It may be used by
// many goroutines.
type Baseline struct {
	byPath map[string][]schemas.KnownFinding
}

// NewBaseline sorts the entries of a document by their file.
func NewBaseline(doc *schemas.Baseline) *Baseline {
	b := &Baseline{byPath: map[string][]schemas.KnownFinding{}}
	for _, entry := range doc.Findings {
		name := cleanPath(entry.Path)
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
	stale = slices.Clone(b.byPath[cleanPath(path)])
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
		seen[cleanPath(r.Path)] = true
		for _, f := range slices.Concat(r.Findings, r.Known, r.Unchanged) {
			if f.Rule != baselineStaleID {
				doc.Findings = append(doc.Findings, schemas.KnownFinding{Path: cleanPath(f.Path + f.Within), Rule: f.Rule, Fingerprint: f.Fingerprint()})
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
