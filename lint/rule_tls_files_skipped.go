package lint

import "lockstep/schemas"

// tlsFilesSkipped is T224.
func tlsFilesSkipped() Rule {
	return Rule{
		ID:    "T224",
		Slug:  "tls-files-skipped",
		Title: "the TLS files of this config were not looked at",
		Doc: "With `--files skip` nothing is said of the certificates and keys that a config names: " +
			"whether they are there, belong together, have expired. Where that decides it, the verdict of the agent is unknown.",
		Levels: schemas.Levels{
			schemas.TierDevelopment: schemas.LevelInfo,
			schemas.TierStaging:     schemas.LevelInfo,
			schemas.TierProduction:  schemas.LevelInfo,
		},
		Admit: true,
		Check: func(p *Pass) {
			if p.looksAtFiles {
				return
			}
			if n := p.namedFiles(); n > 0 {
				p.atValue("", count(n, "TLS file")+" not looked at", "use --files warn, with --root or --map where the files lie elsewhere")
			}
		},
	}
}

// namedFiles counts the files that the agent would open, each once.
func (p *Pass) namedFiles() int {
	paths := map[string]bool{}
	for _, m := range p.materials {
		for _, f := range m.files() {
			if !isPEM(f.path) && (f.key != "key" || m.Cert != "") {
				paths[f.path] = true
			}
		}
	}
	return len(paths)
}
