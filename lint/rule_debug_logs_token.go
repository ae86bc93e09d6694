package lint

import (
	"fmt"
	"slices"

	"lockstep/schemas"
)

// debugLogsToken is S304.
func debugLogsToken() Rule {
	return Rule{
		ID:    "S304",
		Slug:  "debug-logs-token",
		Title: "the agent writes its token to the log",
		Doc: "At log level debug the agent logs its whole config when it starts, with the token in plain text. " +
			"`subsystems: [main]` switches that on at every level.",
		Levels: errorInProduction(schemas.LevelInfo, schemas.LevelWarning),
		Admit:  true,
		Check:  checkDebugLogsToken,
	}
}

func checkDebugLogsToken(p *Pass) {
	if p.agent == nil || p.agent.Connect.Token.Empty() {
		return
	}
	const message = "with this the agent writes its token to the log when it starts"
	if p.agent.Log.Level == "debug" {
		p.atValue("/log/level", message, "write `level: info`, and name the subsystems to debug")
	}
	if i := slices.Index(p.agent.Log.Subsystems, "main"); i >= 0 {
		p.atValue(fmt.Sprintf("/log/subsystems/%d", i), message, "name the subsystem to debug, such as client or proxy.http")
	}
}
