package lint

import (
	"path"

	"lockstep/schemas"
)

// tlsRelativePath is T219.
func tlsRelativePath() Rule {
	return Rule{
		ID:    "T219",
		Slug:  "tls-relative-path",
		Title: "a TLS file is found only from one working directory",
		Doc: "The agent opens a relative path from the directory it is started in, not from that of the config. " +
			"Started by another unit or by hand from elsewhere it does not come up, or finds another file of the same name. `~` is not expanded.",
		Levels: schemas.Levels{
			schemas.TierDevelopment: schemas.LevelInfo,
			schemas.TierStaging:     schemas.LevelWarning,
			schemas.TierProduction:  schemas.LevelWarning,
		},
		Admit: true,
		Check: func(p *Pass) {
			for m := range p.peers() {
				for _, f := range m.files() {
					if !path.IsAbs(f.path) && !variable(f.path) && !isPEM(f.path) {
						p.atValue(m.at+"/"+f.key, f.key+" is relative to the working directory of the agent", "write the whole path")
					}
				}
			}
		},
	}
}
