package lint

import "lockstep/schemas"

// tierUnresolved is M604.
func tierUnresolved() Rule {
	return Rule{
		ID:    "M604",
		Slug:  "tier-unresolved",
		Title: "nothing says which tier this file belongs to",
		Doc: "What is demanded of a file depends on its tier. Where nobody names one it is judged as production, the strictest, " +
			"and findings may be graver than they need to be.",
		Levels: errorInProduction(schemas.LevelInfo, schemas.LevelWarning),
		Admit:  true,
		Check: func(p *Pass) {
			if !p.tierKnown && p.checked != nil {
				p.atValue("", "no tier is known for this file, so it is judged as production",
					"use --tier, a glob under `tiers:` in the policy, or `# lockstep: tier=NAME` above the first key")
			}
		},
	}
}
