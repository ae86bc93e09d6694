package lint

import "lockstep/schemas"

// addrUserinfo is A105.
func addrUserinfo() Rule {
	return Rule{
		ID:    "A105",
		Slug:  "addr-userinfo",
		Title: "addr holds a user name or password, which is never sent",
		Doc: "The agent drops what stands before the `@` of an addr: the upstream gets no credentials, " +
			"while everyone who can read the file has them.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelError),
		Locked: true,
		Admit:  true,
		Check: func(p *Pass) {
			for at, u := range p.upstreams() {
				if u.userinfo {
					p.atValue(at+"/addr", "addr holds credentials, and the agent does not send them",
						"remove what stands before the @, and change the password")
				}
			}
		},
	}
}
