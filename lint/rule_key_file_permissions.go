package lint

import "lockstep/schemas"

// keyFilePermissions is T217.
func keyFilePermissions() Rule {
	return Rule{
		ID:    "T217",
		Slug:  "key-file-permissions",
		Title: "everyone on the machine can read the private key",
		Doc: "With the client's private key, whoever has an account on the machine can call the upstream in the agent's name. " +
			"A group that may read the file is no finding, as Kubernetes mounts secrets that way.",
		Levels: errorInProduction(schemas.LevelInfo, schemas.LevelWarning),
		Admit:  true,
		Check: func(p *Pass) {
			for to := range p.peers() {
				if to.client == nil || p.stat == nil { // a key that does not belong to a cert is never used
					continue
				}
				if info, err := p.stat(to.Key); err == nil && info.Mode().Perm()&0o007 != 0 {
					p.atValue(to.at+"/key", "others than owner and group have access to the file of key", "take it from them: chmod o= FILE")
				}
			}
		},
	}
}
