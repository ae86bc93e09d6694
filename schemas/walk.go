package schemas

import (
	"iter"
	"maps"
	"slices"
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
			if word != "" && !yield(unescapePointer.Replace(word)) {
				return
			}
		}
	}
}

// child is the named field of a mapping, or the numbered element of a list.
func (it *item) child(name string) (child *item, isField bool) {
	if field := it.fields[name]; field != nil {
		return field, true
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(it.items) {
		return it.items[i], false
	}
	return nil, false
}

// A Scalar is one value of a document as its Go type reads it.
type Scalar struct {
	Value any    // a bool or int only where one is asked for
	Text  string // as written, without quotes
	doc   *Document
	node  *yaml.Node
}

// Span returns where the scalar stands.
func (s Scalar) Span() Span { return s.doc.Span(s.node) }

// Scalars yields each scalar with its JSON pointer.
func (c *Checked) Scalars() iter.Seq2[string, Scalar] {
	return func(yield func(string, Scalar) bool) { c.scalars("", c.root, yield) }
}

func (c *Checked) scalars(pointer string, it *item, yield func(string, Scalar) bool) bool {
	switch {
	case it.fields != nil:
		for _, name := range slices.Sorted(maps.Keys(it.fields)) {
			if !c.scalars(pointer+"/"+escapePointer.Replace(name), it.fields[name], yield) {
				return false
			}
		}
		return true
	case it.items != nil:
		for i, child := range it.items {
			if !c.scalars(pointer+"/"+strconv.Itoa(i), child, yield) {
				return false
			}
		}
		return true
	case it.node == nil:
		return true
	}
	return yield(pointer, Scalar{Value: it.scalar, Text: it.node.Value, doc: c.doc, node: it.node})
}
