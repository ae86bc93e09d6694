package schemas

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"go.yaml.in/yaml/v3"
)

// A Violation is one way in which a document does not fit its schema.
type Violation struct {
	Pointer string // JSON pointer to the value, or to the parent of a missing one
	Keyword string // of JSON Schema, or duplicateKey, alias, merge, key
	Name    string // the missing or unknown key, where there is one
	Span    Span
	Message string // never quotes a value
	Hint    string
}

// Fault returns the violation as an error in the file at path.
func (v Violation) Fault(path string) *Fault {
	return &Fault{Path: path, Span: v.Span, Message: v.Message, Remedy: v.Hint}
}

// Faults joins violations in the file at path into one error, nil if there are none.
func Faults(path string, violations []Violation) error {
	errs := make([]error, len(violations))
	for i, v := range violations {
		errs[i] = v.Fault(path)
	}
	return errors.Join(errs...)
}

// A Checked document has been unfolded and judged by a schema.
type Checked struct {
	Violations []Violation // in the order of their place
	Nulls      []Null      // in lists
	doc        *Document
	root       *item
}

// A Null is an item of a list that Go's decoder drops.
type Null struct {
	Pointer string // to the list
	Span    Span   // of the item
}

// Check judges doc by the schema.
func (s *Schema) Check(doc *Document) *Checked {
	b := &builder{doc: doc, left: maxItems, open: map[*yaml.Node]bool{}}
	c := &Checked{doc: doc}
	if doc.Root != nil {
		c.root = b.build(nil, doc.Root, s.compiled)
	}
	c.Violations, c.Nulls = b.faults, b.nulls
	if c.root == nil {
		c.root = &item{node: doc.Root}
	}
	var invalid *jsonschema.ValidationError
	if err := s.compiled.Validate(c.root.value); errors.As(err, &invalid) {
		c.addLeaves(invalid, s.compiled)
	}
	slices.SortStableFunc(c.Violations, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Span.Start.Line, b.Span.Start.Line), cmp.Compare(a.Span.Start.Column, b.Span.Start.Column))
	})
	return c
}

// Place returns where the value at a JSON pointer stands and where its key
// does; a value that is missing stands at its nearest parent.
func (c *Checked) Place(pointer string) (key, value Span) {
	it, _ := at(c.root, nil, pointer)
	value = c.doc.Span(it.node)
	if it.key == nil {
		return value, value
	}
	return c.doc.Span(it.key), value
}

// Text returns the text at a JSON pointer; ok is false unless a text stands there.
func (c *Checked) Text(pointer string) (text string, ok bool) {
	it, _ := at(c.root, nil, pointer)
	text, ok = it.value.(string)
	return text, ok
}

// Name is what a message may call the text at a JSON pointer, see
// [Document.Name]; ok is false unless a text stands there.
func (c *Checked) Name(pointer string) (name string, ok bool) {
	it, _ := at(c.root, nil, pointer)
	if name, ok = it.value.(string); ok && c.doc.Expanded(it.node) {
		name = c.doc.Name(it.node)
	}
	return name, ok
}

// Expanded reports whether a variable stands in the value at a JSON pointer.
func (c *Checked) Expanded(pointer string) bool {
	it, _ := at(c.root, nil, pointer)
	return c.doc.Expanded(it.node)
}

// addLeaves adds the innermost causes, which are the ones that say what is wrong.
func (c *Checked) addLeaves(e *jsonschema.ValidationError, schema *jsonschema.Schema) {
	for _, cause := range e.Causes {
		c.addLeaves(cause, schema)
	}
	if len(e.Causes) == 0 {
		it, sub := at(c.root, schema, e.InstanceLocation)
		keyword := e.KeywordLocation[strings.LastIndexByte(e.KeywordLocation, '/')+1:]
		c.addLeaf(it, sub, Violation{Pointer: e.InstanceLocation, Keyword: keyword})
	}
}

func (c *Checked) addLeaf(it *item, schema *jsonschema.Schema, v Violation) {
	switch v.Keyword {
	case "required":
		c.addMissing(it, schema, v)
	case "additionalProperties":
		c.addUnknown(it, schema, v)
	default:
		v.Span = c.doc.Span(it.node)
		v.Message, v.Hint = describe(v, schema)
		c.Violations = append(c.Violations, v)
	}
}

func (c *Checked) addMissing(it *item, schema *jsonschema.Schema, v Violation) {
	v.Span = c.doc.Span(cmp.Or(it.key, it.node))
	for _, name := range schema.Required {
		if it.fields[name] == nil {
			v.Name, v.Message = name, fmt.Sprintf("%s is missing%s", name, within(v.Pointer))
			v.Hint = fmt.Sprintf("add `%s:`%s", name, purpose(schema.Properties[name]))
			c.Violations = append(c.Violations, v)
		}
	}
}

func (c *Checked) addUnknown(it *item, schema *jsonschema.Schema, v Violation) {
	known := slices.Sorted(maps.Keys(schema.Properties))
	for _, name := range slices.Sorted(maps.Keys(it.fields)) {
		if schema.Properties[name] != nil {
			continue
		}
		v.Name, v.Span = name, c.doc.Span(it.fields[name].key)
		v.Message = fmt.Sprintf("there is no key %q%s", c.doc.Name(it.fields[name].key), within(v.Pointer))
		v.Hint = "the keys here are " + strings.Join(known, ", ")
		if near, ok := Nearest(name, known); ok {
			v.Hint = fmt.Sprintf("did you mean `%s`?", near)
		}
		c.Violations = append(c.Violations, v)
	}
}
