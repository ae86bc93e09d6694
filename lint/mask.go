package lint

import (
	"strings"

	"lockstep/schemas"
)

// masked stands for a secret in a text that is shown.
const masked = "********"

// Mask returns a config that can be shown, line by line the same, without the
// values of the keys that hold secrets. A source that is not YAML in UTF-8 is
// left out as a whole.
func (c *Checker) Mask(source []byte) []byte {
	doc, err := schemas.ParseDocument("", source)
	if err != nil {
		return nil
	}
	p := &Pass{document: doc, checked: c.schema.Check(doc)}
	var edits []schemas.Edit
	for _, pointer := range []string{"/connect/token", "/connect/proxy_url"} {
		edits = append(edits, p.hide(pointer)...)
	}
	text, err := doc.Edit(edits)
	if err != nil {
		return nil
	}
	return text
}

// hide masks a word, or the rest of its line and the lines that belong to it.
func (p *Pass) hide(pointer string) []schemas.Edit {
	key, node := p.checked.Nodes(pointer)
	if node == nil {
		return nil
	}
	span := p.document.Span(node)
	if p.plainWord(node) {
		return []schemas.Edit{{Span: span, Text: masked}}
	}
	lines := p.document.Lines()
	end := span.Start.Line
	for end < len(lines) && (key == nil || indentation(lines[end]) >= key.Column || strings.TrimSpace(lines[end]) == "") {
		end++
	}
	span.End = schemas.Position{Line: end, Column: columns(lines[end-1]) + 1}
	return []schemas.Edit{{Span: span, Text: strings.Repeat(masked+"\n", end-span.Start.Line) + masked}}
}
