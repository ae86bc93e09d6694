package lint

// suppressionExpired is M601.
func suppressionExpired() Rule {
	return Rule{
		ID:    "M601",
		Slug:  "suppression-expired",
		Title: "a suppression is over, or cannot be read",
		Doc: "A suppression holds up to and including the day it names, in UTC, and then its findings are back. " +
			"One that cannot be read suppresses nothing, so that a slip in the date does not keep a finding quiet for ever.",
		Levels: alwaysError(),
		Locked: true,
		Admit:  true,
		Check: func(p *Pass) {
			for _, s := range p.suppressions {
				if fault, hint := s.expired(p.now); fault != "" {
					p.at(s.mark.span, "", fault, hint)
				}
			}
		},
	}
}
