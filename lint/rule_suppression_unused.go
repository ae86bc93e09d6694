package lint

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"lockstep/schemas"
)

// suppressionUnused is M603.
func suppressionUnused() Rule {
	return Rule{
		ID:    "M603",
		Slug:  "suppression-unused",
		Title: "a suppression has nothing to suppress",
		Doc: "What it was about has been mended or stands on another line, its rule does not exist, or findings of this rule cannot be suppressed. " +
			"Left in place it would hide the next finding there, which nobody has looked at. Rules that are off are not counted.",
		Levels: alwaysWarning(),
		Admit:  true,
		Check: func(p *Pass) {
			for i := range p.suppressions {
				if s := &p.suppressions[i]; p.inForce(s) {
					checkUnused(p, s)
				}
			}
		},
	}
}

func checkUnused(p *Pass, s *suppression) {
	for _, name := range s.rules {
		before := len(p.findings)
		switch {
		case !slices.ContainsFunc(p.rules, func(r Rule) bool { return r.ID == name.id }):
			p.at(name.span, "", fmt.Sprintf("there is no rule %q to suppress", name.id), nearestRule(name.id, p.rules))
		case !p.suppressible(name.id):
			p.at(name.span, "", fmt.Sprintf("findings of %s cannot be suppressed in %s", name.id, p.tier), "mend what they are about, and remove it here")
		case !p.isOff(name.id) && !p.hasFinding(name.id, s.target):
			p.at(name.span, "", fmt.Sprintf("there is no finding of %s here to suppress", name.id), "remove it, or put it on the line of the finding or right above")
		}
		if len(p.findings) > before {
			p.mend(true, p.uncomment(s))
		}
	}
}

// uncomment takes a suppression of one rule away, unless the line ends with
// another comment.
func (p *Pass) uncomment(s *suppression) []schemas.Edit {
	if len(s.rules) != 1 || strings.Contains(s.mark.rest, "#") {
		return nil
	}
	line := p.document.Lines()[s.mark.line-1]
	at := s.mark.span.Start
	above := strings.TrimRight(string([]rune(line)[:at.Column-1]), " \t")
	if above == "" {
		return []schemas.Edit{{Span: schemas.Span{
			Start: schemas.Position{Line: at.Line, Column: 1}, End: schemas.Position{Line: at.Line + 1, Column: 1},
		}}}
	}
	return []schemas.Edit{{Span: schemas.Span{
		Start: schemas.Position{Line: at.Line, Column: utf8.RuneCountInString(above) + 1},
		End:   schemas.Position{Line: at.Line, Column: utf8.RuneCountInString(line) + 1},
	}}}
}

func (p *Pass) hasFinding(rule string, line int) bool {
	return slices.ContainsFunc(p.findings, func(f Finding) bool { return f.Rule == rule && !f.Outside && f.Span.Start.Line == line })
}
