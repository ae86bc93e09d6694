package lint

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"lockstep/schemas"
)

// content lists all that a document says, in its order, so that two of them
// can be compared whatever their layout and comments are.
func content(root *yaml.Node) []string {
	r := &reading{}
	r.read(root)
	return r.words
}

// intended is what a document is to say after edits: an entry is gone if its
// key is taken away, and a word reads as what stands there then.
func intended(doc *schemas.Document, edits []schemas.Edit) []string {
	r := &reading{doc: doc, edits: edits}
	r.read(doc.Root)
	return r.words
}

// A reading goes through a document.
type reading struct {
	doc   *schemas.Document
	edits []schemas.Edit
	words []string
}

func (r *reading) read(node *yaml.Node) {
	if node == nil {
		return
	}
	if text, changed := r.changed(node); changed {
		r.words = append(r.words, contentOf(text)...)
		return
	}
	r.words = append(r.words, fmt.Sprintf("%d %q %s %q", node.Kind, node.Anchor, node.ShortTag(), node.Value))
	if node.Kind != yaml.MappingNode {
		for _, child := range node.Content {
			r.read(child)
		}
	}
	for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
		if !r.removed(node.Content[i]) {
			r.read(node.Content[i])
			r.read(node.Content[i+1])
		}
	}
	r.words = append(r.words, "end")
}

// changed returns the new text of a word that an edit is about.
func (r *reading) changed(node *yaml.Node) (text string, changed bool) {
	if node.Kind != yaml.ScalarNode || len(r.edits) == 0 {
		return "", false
	}
	span := r.doc.Span(node)
	own := slices.DeleteFunc(slices.Clone(r.edits), func(e schemas.Edit) bool { return !span.Holds(e.Span) })
	if len(own) == 0 {
		return "", false
	}
	text, err := r.doc.TextAt(span, own)
	return text, err == nil
}

// removed reports whether an edit takes a key away, and more than the key.
func (r *reading) removed(key *yaml.Node) bool {
	return slices.ContainsFunc(r.edits, func(e schemas.Edit) bool {
		return e.Text == "" && e.Start.Line < e.End.Line && e.Holds(r.doc.Span(key))
	})
}

// contentOf reads a value by itself.
func contentOf(text string) []string {
	var node yaml.Node
	if yaml.Unmarshal([]byte(text), &node) != nil || len(node.Content) != 1 {
		return nil
	}
	return content(node.Content[0])
}
