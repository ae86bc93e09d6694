package lint

import (
	"slices"

	"lockstep/schemas"
)

// panicsAtStart is P011.
func panicsAtStart() Rule {
	return Rule{
		ID:    "P011",
		Slug:  "panics-at-start",
		Title: "the agent accepts this file and then panics",
		Doc: "With `access_log.disable: true` the agent does not check the level of the access log, and then uses it all the same: " +
			"once it is connected, it panics on a level that does not exist.",
		Levels: alwaysError(),
		Check:  checkPanicsAtStart,
	}
}

func checkPanicsAtStart(p *Pass) {
	for at, l := range p.listeners() {
		if l.Protocol == schemas.ProtocolHTTP && l.AccessLog.Disable && !slices.Contains(logLevels(), l.AccessLog.Level) {
			p.atValue(at+"/access_log/level", "there is no such log level, and the agent panics on it", "remove level, as the access log is disabled")
		}
	}
}
