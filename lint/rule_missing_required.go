package lint

// missingRequired is P003.
func missingRequired() Rule {
	return Rule{
		ID:    "P003",
		Slug:  "missing-required",
		Title: "a key that the agent insists on is missing",
		Doc: "A config needs listeners, and each of them endpoint_id, addr and timeout. " +
			"The default timeout of 10s holds for `piko agent http` and `piko agent tcp` only, not for a config file.",
		Levels: alwaysError(),
		Check:  func(p *Pass) { p.atViolations("required") },
	}
}
