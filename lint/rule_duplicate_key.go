package lint

// duplicateKey is P004.
func duplicateKey() Rule {
	return Rule{
		ID:    "P004",
		Slug:  "duplicate-key",
		Title: "a key is there twice in one mapping",
		Doc: "The agent refuses a mapping in which a key stands twice, quoted or not, and also two merges (`<<`). " +
			"Other YAML readers keep the last value silently, so the file may have worked elsewhere.",
		Levels: alwaysError(),
		Check:  func(p *Pass) { p.atViolations("duplicateKey") },
	}
}
