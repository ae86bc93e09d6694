package lint

import (
	"bytes"

	"lockstep/schemas"
)

// tokenPlaintext is S301.
func tokenPlaintext() Rule {
	return Rule{
		ID:    "S301",
		Slug:  "token-plaintext",
		Title: "the token stands in the config file",
		Doc: "Whoever can read the file, its backups or its repository can register endpoints with this token. " +
			"The agent takes it from the environment: `token: ${PIKO_TOKEN}`, started with --config.expand-env.",
		Levels:  errorInProduction(schemas.LevelInfo, schemas.LevelWarning),
		Binding: true,
		Admit:   true,
		Check: func(p *Pass) {
			if p.agent == nil {
				return
			}
			token := p.agent.Connect.Token
			if !token.Empty() && !bytes.ContainsRune(token.Reveal(), '$') {
				p.atValue("/connect/token", "the token stands here in plain text",
					"write `token: ${PIKO_TOKEN}` and start the agent with --config.expand-env")
			}
		},
	}
}
