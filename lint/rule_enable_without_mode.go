package lint

import "strings"

// enableWithoutMode is K802.
func enableWithoutMode() Rule {
	return Rule{
		ID:    "K802",
		Slug:  "enable-without-mode",
		Title: "a key is listed without a mode",
		Doc: "Apollo enforces a key that is enabled without a mode: who forgets one word refuses every client that does not sign yet. " +
			"So lockstep has no default here, and refuses the file.",
		Levels: alwaysError(),
		Locked: true,
		Check: func(p *Pass) {
			for i := range p.rolloutViolations() {
				if v := &p.violations[i]; lacksMode(v.Pointer, v.Keyword, v.Name) {
					p.at(v.Span, pointerOf(*v), "this key has no mode, and Apollo would enforce it", "add `mode: observe`, or disabled")
				}
			}
		},
	}
}

// lacksMode reports whether a violation is that a subject has no mode.
func lacksMode(pointer, keyword, name string) bool {
	return keyword == "required" && name == "mode" && strings.HasPrefix(pointer, "/subjects/")
}
