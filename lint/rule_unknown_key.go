package lint

// unknownKey is P002.
func unknownKey() Rule {
	return Rule{
		ID:    "P002",
		Slug:  "unknown-key",
		Title: "a key that the agent does not know",
		Doc: "The agent refuses a config with a key it does not know, at every level and also in a merged mapping. " +
			"Mostly the key is misspelt, or written as in an earlier version.",
		Levels: alwaysError(),
		Check:  func(p *Pass) { p.atViolations("additionalProperties") },
	}
}
