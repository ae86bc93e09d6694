package lint

import (
	"cmp"
	"fmt"
	"slices"
)

// A sarifEntry is a finding of one file, and why it does not count, if so.
type sarifEntry struct {
	finding      Finding
	state        string // against what the run was compared with
	suppressions []sarifSuppression
}

// results lists all findings of a file in the order of their place, so that
// their fingerprints do not depend on which of them count.
func (s SARIF) results(r *Report) []sarifResult {
	var all []sarifEntry
	for _, f := range r.Findings {
		state := "new"
		if f.Touched {
			state = "updated"
		}
		all = append(all, sarifEntry{f, state, []sarifSuppression{}})
	}
	for _, f := range r.Known {
		all = append(all, sarifEntry{f, "unchanged", []sarifSuppression{{"external", "accepted", "it is in the baseline"}}})
	}
	for _, f := range r.Unchanged {
		all = append(all, sarifEntry{f, "unchanged", []sarifSuppression{}})
	}
	for i := range r.Suppressed {
		f := &r.Suppressed[i]
		why := fmt.Sprintf("%s (until %s)", f.Reason, f.Until)
		all = append(all, sarifEntry{f.Finding, "", []sarifSuppression{{"inSource", "accepted", why}}})
	}
	slices.SortStableFunc(all, func(a, b sarifEntry) int {
		return cmp.Or(byPlace(a.finding.Span, b.finding.Span), cmp.Compare(a.finding.Rule, b.finding.Rule))
	})
	findings := make([]Finding, len(all))
	for i := range all {
		findings[i] = all[i].finding
	}
	results := make([]sarifResult, len(all))
	for i, name := range fingerprints(findings) {
		results[i] = sarifResultOf(&all[i].finding)
		results[i].Fingerprints = map[string]string{"lockstep/v1": name}
		results[i].Suppressions = all[i].suppressions
		if len(all[i].suppressions) > 0 {
			results[i].Fixes = nil // as --fix leaves it alone
		}
		if s.Compared {
			results[i].BaselineState = all[i].state
		}
	}
	return results
}

// sarifFixes describes the fix of a finding, if there is one.
func sarifFixes(f *Finding) []sarifFix {
	if f.Fix == nil {
		return nil
	}
	about := "mend it with `lockstep lint --fix`"
	if !f.Fix.Safe {
		about = "mend it with `lockstep lint --fix=unsafe`, which may break clients"
	}
	change := sarifChange{Artifact: sarifFile(f.Path)}
	for _, e := range f.Fix.Edits {
		change.Replacements = append(change.Replacements, sarifReplacement{sarifRegionOf(e.Span), sarifText{Text: e.Text}})
	}
	return []sarifFix{{Description: sarifText{Text: about}, Changes: []sarifChange{change}}}
}
