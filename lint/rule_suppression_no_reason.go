package lint

import "lockstep/schemas"

// suppressionNoReason is M602.
func suppressionNoReason() Rule {
	return Rule{
		ID:    "M602",
		Slug:  "suppression-no-reason",
		Title: "a suppression lacks a reason or an end, or its end is too far away",
		Doc: "Who meets a suppression later has to know why it is there and when somebody will look at it again. " +
			"Without a reason and a last day it suppresses nothing. That day is at most 180 days away in staging and 90 in production.",
		Levels: errorInProduction(schemas.LevelInfo, schemas.LevelWarning),
		Admit:  true,
		Check: func(p *Pass) {
			for _, s := range p.suppressions {
				if fault, hint := s.unfounded(p.tier, p.now); fault != "" {
					p.at(s.mark.span, "", fault, hint)
				}
			}
		},
	}
}
