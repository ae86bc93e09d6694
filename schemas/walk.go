package schemas

import (
	"iter"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"go.yaml.in/yaml/v3"
)

// elementSchema is the schema of the elements of a list that schema judges.
func elementSchema(schema *jsonschema.Schema) *jsonschema.Schema {
	if schema == nil {
		return nil
	}
	return schema.Items2020
}

// propertySchema is the schema of the named field of a mapping that schema judges.
func propertySchema(schema *jsonschema.Schema, name string) *jsonschema.Schema {
	if schema == nil {
		return nil
	}
	if p, ok := schema.Properties[name]; ok {
		return p
	}
	rest, _ := schema.AdditionalProperties.(*jsonschema.Schema)
	return rest
}

// at returns the item and schema that a JSON pointer leads to. It stops at
// the last item there is, so that a missing value is placed at its parent.
func at(root *item, schema *jsonschema.Schema, pointer string) (*item, *jsonschema.Schema) {
	for word := range pointerWords(pointer) {
		for schema != nil && schema.Ref != nil {
			schema = schema.Ref
		}
		next, isField := root.child(word)
		switch {
		case next == nil:
			return root, schema
		case isField:
			root, schema = next, propertySchema(schema, word)
		default:
			root, schema = next, elementSchema(schema)
		}
	}
	for schema != nil && schema.Ref != nil {
		schema = schema.Ref
	}
	return root, schema
}

// find returns the item that a JSON pointer leads to, nil if there is none.
func find(root *item, pointer string) *item {
	for word := range pointerWords(pointer) {
		if root == nil {
			return nil
		}
		root, _ = root.child(word)
	}
	return root
}

// pointerWords yields the unescaped parts of a JSON pointer.
func pointerWords(pointer string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for word := range strings.SplitSeq(strings.Trim(pointer, "/"), "/") {
			if word != "" && !yield(unescaped(word)) {
				return
			}
		}
	}
}

// unescaped saves the copy that a replacer makes of every word.
func unescaped(word string) string {
	if strings.IndexByte(word, '~') < 0 {
		return word
	}
	return unescapePointer.Replace(word)
}

// child is the named field of a mapping, or the numbered element of a list.
func (it *item) child(name string) (child *item, isField bool) {
	if it.fields != nil {
		child = it.fields.get(name)
		return child, child != nil
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(it.items) {
		return it.items[i], false
	}
	return nil, false
}

// A Scalar is one value of a document as its Go type reads it.
type Scalar struct {
	Value any    // a bool or an int
	Text  string // as written, without quotes
	doc   *Document
	node  *yaml.Node
}

// Span returns where the scalar stands.
func (s Scalar) Span() Span { return s.doc.Span(s.node) }

// Literals yields each scalar that is a boolean or a whole number to its Go
// type, with its JSON pointer.
func (c *Checked) Literals() iter.Seq2[string, Scalar] {
	return func(yield func(string, Scalar) bool) { c.literals(make([]string, 0, 8), c.root, yield) }
}

// literals goes through what is at words.
func (c *Checked) literals(words []string, it *item, yield func(string, Scalar) bool) bool {
	if it.fields != nil {
		for _, f := range it.fields.list {
			if !c.literals(append(words, f.name), f.item, yield) {
				return false
			}
		}
		return true
	}
	for i, child := range it.items {
		if !c.literals(append(words, strconv.Itoa(i)), child, yield) {
			return false
		}
	}
	switch it.scalar.(type) {
	case bool, int:
		return yield(pointerTo(words), Scalar{Value: it.scalar, Text: it.node.Value, doc: c.doc, node: it.node})
	}
	return true
}
