package schemas

import (
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
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
	for word := range strings.SplitSeq(strings.Trim(pointer, "/"), "/") {
		for schema != nil && schema.Ref != nil {
			schema = schema.Ref
		}
		name := unescapePointer.Replace(word)
		index, err := strconv.Atoi(name)
		switch {
		case word == "":
		case root.fields[name] != nil:
			root, schema = root.fields[name], propertySchema(schema, name)
		case err == nil && index >= 0 && index < len(root.items):
			root, schema = root.items[index], elementSchema(schema)
		default:
			return root, schema
		}
	}
	for schema != nil && schema.Ref != nil {
		schema = schema.Ref
	}
	return root, schema
}

// A Scalar is one value of a document as its Go type reads it.
type Scalar struct {
	Value any    // a bool or int only where one is asked for
	Text  string // as written, without quotes
	Span  Span
}

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
	return yield(pointer, Scalar{Value: it.value, Text: it.node.Value, Span: c.doc.Span(it.node)})
}
