package lint

import "lockstep/schemas"

// noAccessLog is S307.
func noAccessLog() Rule {
	return Rule{
		ID:    "S307",
		Slug:  "no-access-log",
		Title: "nobody will know who has called",
		Doc: "Without an access log there is no trace of who reached an upstream through the tunnel, when an incident has to be explained. " +
			"What must not be logged can be kept out by block_list.",
		Levels: schemas.Levels{
			schemas.TierDevelopment: schemas.LevelOff,
			schemas.TierStaging:     schemas.LevelInfo,
			schemas.TierProduction:  schemas.LevelWarning,
		},
		Admit: true,
		Check: func(p *Pass) {
			for at, l := range p.listeners() {
				if l.AccessLog.Disable && p.checked.Has(at+"/access_log/disable") { // before v0.8 it is off unless switched on
					p.atValue(at+"/access_log/disable", "the access log is switched off", "remove it, and keep credentials out by block_list")
				}
			}
		},
	}
}
