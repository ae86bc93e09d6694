package lint

import "lockstep/schemas"

// proxyCredentials is S306.
func proxyCredentials() Rule {
	return Rule{
		ID:    "S306",
		Slug:  "proxy-credentials",
		Title: "the password of the proxy stands in the config file",
		Doc: "Whoever can read the file, its backups or its repository can use the proxy as the agent does. " +
			"The agent takes the URL from the environment: `proxy_url: ${PIKO_PROXY}`, started with --config.expand-env.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelError),
		Admit:  true,
		Check: func(p *Pass) {
			u := p.proxyURL
			if u == nil || u.User == nil {
				return
			}
			if password, set := u.User.Password(); set && password != "" && !variable(password) && p.stands("/connect/proxy_url", password) {
				p.atValue("/connect/proxy_url", "proxy_url holds a password in plain text",
					"write `proxy_url: ${PIKO_PROXY}` and start the agent with --config.expand-env")
			}
		},
	}
}
