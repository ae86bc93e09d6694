package lint

// tlsFileMissing is T207.
func tlsFileMissing() Rule {
	return Rule{
		ID:    "T207",
		Slug:  "tls-file-missing",
		Title: "a TLS file cannot be read here",
		Doc: "With `--files warn` a file that is missing or cannot be read is reported and the verdict of the agent is unknown. " +
			"By default, `--files require`, the agent's refusal stands there instead (P001).",
		Levels: alwaysWarning(),
		Admit:  true,
		Check: func(p *Pass) {
			if !p.looksAtFiles {
				return
			}
			for _, u := range p.unread {
				p.atValue(u.pointer, u.err.Error(), "use --root or --map to say where the files of the deployment lie here")
			}
		},
	}
}
