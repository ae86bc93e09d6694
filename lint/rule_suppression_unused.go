package lint

import (
	"fmt"
	"slices"
)

// suppressionUnused is M603.
func suppressionUnused() Rule {
	return Rule{
		ID:    "M603",
		Slug:  "suppression-unused",
		Title: "a suppression has nothing to suppress",
		Doc: "What it was about has been mended or stands on another line, its rule does not exist, or findings of this rule cannot be suppressed. " +
			"Left in place it would hide the next finding there, which nobody has looked at. Rules that are off are not counted.",
		Levels: alwaysWarning(),
		Admit:  true,
		Check: func(p *Pass) {
			for i := range p.suppressions {
				if s := &p.suppressions[i]; p.inForce(s) {
					checkUnused(p, s)
				}
			}
		},
	}
}

func checkUnused(p *Pass, s *suppression) {
	for _, name := range s.rules {
		switch {
		case !slices.ContainsFunc(p.rules, func(r Rule) bool { return r.ID == name.id }):
			p.at(name.span, "", fmt.Sprintf("there is no rule %q to suppress", name.id), nearestRule(name.id, p.rules))
		case !p.suppressible(name.id):
			p.at(name.span, "", fmt.Sprintf("findings of %s cannot be suppressed in %s", name.id, p.tier), "mend what they are about, and remove it here")
		case !p.isOff(name.id) && !p.hasFinding(name.id, s.target):
			p.at(name.span, "", fmt.Sprintf("there is no finding of %s here to suppress", name.id), "remove it, or put it on the line of the finding or right above")
		}
	}
}

func (p *Pass) hasFinding(rule string, line int) bool {
	return slices.ContainsFunc(p.findings, func(f Finding) bool { return f.Rule == rule && f.Span.Start.Line == line })
}
