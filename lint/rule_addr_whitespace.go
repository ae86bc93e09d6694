package lint

import (
	"strings"
	"unicode"
)

// addrWhitespace is A106.
func addrWhitespace() Rule {
	return Rule{
		ID:    "A106",
		Slug:  "addr-whitespace",
		Title: "white space is part of the host or the port",
		Doc: "The agent does not trim addr. A blank in quotes, or the line break that ends a `|` block, becomes part of the name " +
			"that is looked up, which nobody has: every request is answered with 502.",
		Levels: alwaysWarning(),
		Admit:  true,
		Check: func(p *Pass) {
			for at, u := range p.upstreams() {
				if hasSpace(u.authority) {
					p.atValue(at+"/addr", "addr has white space in its host or port, so it is never reached", "write it on one line without blanks")
				}
			}
		},
	}
}

func hasSpace(text string) bool { return strings.ContainsFunc(text, unicode.IsSpace) }
