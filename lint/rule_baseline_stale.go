package lint

import (
	"fmt"
	"slices"

	"lockstep/schemas"
)

const baselineStaleID = "M605"

// baselineStale is M605.
func baselineStale() Rule {
	return Rule{
		ID:    baselineStaleID,
		Slug:  "baseline-stale",
		Title: "the baseline knows a finding that is not there",
		Doc: "What was known has been mended, or its endpoint or file has another name now. " +
			"An entry that is left would hide the same finding if it came back. Of files that are not linted nothing is said.",
		Levels: alwaysWarning(),
		Admit:  true,
		Check:  checkBaselineStale,
	}
}

// checkBaselineStale reports once for each rule of which entries are left.
// Where the config could not be decoded most rules have found nothing, which
// says nothing about the baseline; neither does a rule that is off.
func checkBaselineStale(p *Pass) {
	if p.agent == nil && p.rollout == nil || p.baseline == nil {
		return
	}
	_, _, stale := p.baseline.match(p.path+p.within, slices.DeleteFunc(slices.Clone(p.findings), p.isSuppressed))
	counts := map[string]int{}
	for _, entry := range stale {
		counts[entry.Rule]++
	}
	for _, entry := range stale {
		n := counts[entry.Rule]
		if n > 0 && !p.isOff(entry.Rule) {
			p.at(documentStart(), "", fmt.Sprintf("the baseline knows %s of %s that this file does not have", count(n, "finding"), entry.Rule),
				"write the baseline anew with --write-baseline")
		}
		delete(counts, entry.Rule)
	}
}

// isOff reports whether the rule looks for nothing in the tier of the file.
func (p *Pass) isOff(id string) bool {
	i := slices.IndexFunc(p.rules, func(r Rule) bool { return r.ID == id })
	return i >= 0 && p.rules[i].level(p.tier, p.policy) == schemas.LevelOff
}

func (p *Pass) isSuppressed(f Finding) bool {
	_, suppressed := p.suppressionFor(&f)
	return suppressed
}
