package lint

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"lockstep/schemas"
)

// Mask returns a config that can be shown, line by line the same, without any
// value that could be a secret, by the rule of snippets; comments stay. A
// source that is not YAML in UTF-8 is left out as a whole.
func (c *Checker) Mask(source []byte) []byte {
	doc, err := schemas.ParseDocument("", source)
	if err != nil || doc.Root == nil {
		return nil
	}
	p := &Pass{document: doc}
	var edits []schemas.Edit
	everyScalar(doc.Root, func(key, node *yaml.Node, harmless int) {
		if harmless < len(node.Value) && node.Kind == yaml.ScalarNode {
			edits = p.hide(edits, key, node, harmless)
		}
	})
	text, err := doc.Edit(edits)
	if err != nil {
		return nil
	}
	return text
}

// hide masks a word from its harmless part on, or the rest of its line and the
// lines that belong to it.
func (p *Pass) hide(edits []schemas.Edit, key, node *yaml.Node, harmless int) []schemas.Edit {
	span := p.document.Span(node)
	if n := len(edits); n > 0 && span.Start.Line <= edits[n-1].End.Line && edits[n-1].Overlaps(schemas.Edit{Span: span}) {
		return edits
	}
	if p.plainWord(node) {
		return append(edits, schemas.Edit{Span: span, Text: node.Value[:harmless] + masked})
	}
	lines := p.document.Lines()
	end := span.Start.Line
	for end < len(lines) && (key == nil || indentation(lines[end]) >= key.Column || strings.TrimSpace(lines[end]) == "") {
		end++
	}
	span.End = schemas.Position{Line: end, Column: utf8.RuneCountInString(lines[end-1]) + 1}
	return append(edits, schemas.Edit{Span: span, Text: strings.Repeat(masked+"\n", end-span.Start.Line) + masked})
}
