package lint

import "lockstep/schemas"

// oddEncoding is P012.
func oddEncoding() Rule {
	return Rule{
		ID:    "P012",
		Slug:  "odd-encoding",
		Title: "line breaks or encoding are not what other tools expect",
		Doc: "The agent takes a carriage return alone, U+0085, U+2028 and U+2029 for line breaks; most editors and reviews show one line. " +
			"What looks like the end of a comment can be a key. It also reads UTF-16 and a byte order mark, on which other tools stumble.",
		Levels: sameLevel(schemas.LevelWarning),
		Admit:  true,
		Check: func(p *Pass) {
			if p.document == nil {
				return
			}
			if !p.document.PlainUTF8() {
				p.at(documentStart(), "", "the file begins with a byte order mark", "save it as UTF-8 without one")
			}
			if at, ok := p.document.OddBreak(); ok {
				p.at(at, "", "the agent sees a line break here, most editors see none or another", "end lines with LF or CRLF")
			}
		},
	}
}
