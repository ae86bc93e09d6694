package lint

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"lockstep/schemas"
)

// plainWord reports whether a value is a word that may be written anew: not
// shared through an anchor, not tagged, and on one line.
func (p *Pass) plainWord(node *yaml.Node) bool {
	if node == nil || node.Kind != yaml.ScalarNode || node.Anchor != "" || node.Style&^(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		return false
	}
	return strings.Trim(p.document.Text(p.document.Span(node)), `"'`) == node.Value
}

// rewrite puts text in the place of the word at pointer.
func (p *Pass) rewrite(pointer, text string) []schemas.Edit {
	_, node := p.checked.Nodes(pointer)
	if !p.plainWord(node) {
		return nil
	}
	return []schemas.Edit{{Span: p.document.Span(node), Text: text}}
}

// insert puts text behind a prefix that the word at pointer begins with. What
// else is in the word, which may be a secret, is in no edit.
func (p *Pass) insert(pointer, prefix, text string) []schemas.Edit {
	_, node := p.checked.Nodes(pointer)
	if !p.plainWord(node) || !strings.HasPrefix(node.Value, prefix) {
		return nil
	}
	at := p.document.Span(node).Start
	at.Column += len(prefix)
	if node.Style != 0 {
		at.Column++ // the quote
	}
	return []schemas.Edit{{Span: schemas.Span{Start: at, End: at}, Text: text}}
}

// remove takes the entry at pointer out of its mapping, with all its lines. It
// leaves alone what is shared, what has a comment and what shares a line.
func (p *Pass) remove(parent, name string) []schemas.Edit {
	_, mapping := p.checked.Nodes(parent)
	key, value := p.checked.Nodes(parent + "/" + name)
	if mapping == nil || key == nil || mapping.Anchor != "" || mapping.Style&yaml.FlowStyle != 0 || !owns(mapping, key) || anchored(value) {
		return nil
	}
	lines := p.document.Lines()
	end := key.Line
	for end < len(lines) && indentation(lines[end]) >= key.Column {
		end++
	}
	first, isFirst := mapping.Content[0], mapping.Content[0] == key
	if isFirst || first.Column != key.Column || indentation(lines[key.Line-1]) != key.Column-1 ||
		strings.Contains(strings.Join(lines[key.Line-1:end], ""), "#") {
		return nil
	}
	return []schemas.Edit{{Span: schemas.Span{
		Start: schemas.Position{Line: key.Line, Column: 1}, End: schemas.Position{Line: end + 1, Column: 1},
	}}}
}

// owns reports whether key stands in a mapping itself and is not merged in.
func owns(mapping, key *yaml.Node) bool {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i] == key {
			return true
		}
	}
	return false
}

// anchored reports whether something in a value is used elsewhere.
func anchored(node *yaml.Node) bool {
	return node.Anchor != "" || slices.ContainsFunc(node.Content, anchored)
}

// indentation is the number of blanks that a line begins with.
func indentation(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }
