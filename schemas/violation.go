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
	First   Span   // of the key that a duplicateKey repeats
	Message string // never quotes a value
	Hint    string
	Edits   []Edit // that mend it without a change of meaning; none if that is not certain
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
	b := &builder{doc: doc, left: maxItems}
	c := &Checked{doc: doc}
	if doc.Root != nil {
		c.root = b.build(nil, doc.Root, s.compiled)
	}
	c.Violations, c.Nulls = b.faults, b.nulls
	if c.root == nil {
		c.root = &item{node: doc.Root}
	}
	switch n := misfits(c.root, s.compiled); {
	case n+len(c.Violations) > maxViolations:
		c.Violations = []Violation{c.tooMany()}
	case n > 0:
		c.validate(s.compiled)
	}
	slices.SortStableFunc(c.Violations, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Span.Start.Line, b.Span.Start.Line), cmp.Compare(a.Span.Start.Column, b.Span.Start.Column))
	})
	return c
}

// maxViolations is how many are told of one document. Each takes some KiB
// until it is printed, and nobody reads as many.
const maxViolations = 20_000

// LimitKeyword is that of the violation that stands for all where a document
// has more of them than anybody would read.
const LimitKeyword = "limit"

func (c *Checked) tooMany() Violation {
	return Violation{
		Keyword: LimitKeyword, Span: c.doc.Span(c.root.node),
		Message: fmt.Sprintf("more than %d values do not belong here", maxViolations), Hint: "check that this is the right file",
	}
}

// validate has the validator say what is wrong.
func (c *Checked) validate(schema *jsonschema.Schema) {
	var invalid *jsonschema.ValidationError
	if err := schema.Validate(c.root.value()); errors.As(err, &invalid) {
		c.addLeaves(invalid, schema)
	}
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

// Nodes returns the key and the value at a JSON pointer, nil if nothing
// stands there. The key of a list element is nil.
func (c *Checked) Nodes(pointer string) (key, value *yaml.Node) {
	it := c.root
	for word := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		next, _ := at(it, nil, word)
		if next == it && word != "" {
			return nil, nil
		}
		it = next
	}
	return it.key, it.node
}

// Text returns the text at a JSON pointer; ok is false unless a text stands there.
func (c *Checked) Text(pointer string) (text string, ok bool) {
	it, _ := at(c.root, nil, pointer)
	text, ok = it.scalar.(string)
	return text, ok
}

// Int returns the whole number at a JSON pointer, as the agent reads it; ok is
// false unless one stands there.
func (c *Checked) Int(pointer string) (n int, ok bool) {
	if it := find(c.root, pointer); it != nil {
		n, ok = it.scalar.(int)
	}
	return n, ok
}

// Has reports whether a value other than null stands at a JSON pointer.
func (c *Checked) Has(pointer string) bool { return find(c.root, pointer) != nil }

// Name is what a message may call the text at a JSON pointer, see
// [Document.Name]; ok is false unless a text stands there.
func (c *Checked) Name(pointer string) (name string, ok bool) {
	it, _ := at(c.root, nil, pointer)
	if name, ok = it.scalar.(string); ok && c.doc.Expanded(it.node) {
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
	if schema != nil && len(schema.OneOf) > 0 {
		schema = nil // which of several is meant, nobody knows
	}
	switch {
	case schema != nil && v.Keyword == "required":
		c.addMissing(it, schema, v)
	case schema != nil && v.Keyword == "additionalProperties":
		c.addUnknown(it, schema, v)
	default:
		v.Span = c.doc.Span(it.node)
		v.Message, v.Hint = describe(v, schema)
		v.Edits = mendValue(it.node, schema, v.Span)
		c.Violations = append(c.Violations, v)
	}
}

func (c *Checked) addMissing(it *item, schema *jsonschema.Schema, v Violation) {
	v.Span = c.doc.Span(cmp.Or(it.key, it.node))
	for _, name := range schema.Required {
		if it.fields.get(name) == nil {
			v.Name, v.Message = name, fmt.Sprintf("%s is missing%s", name, within(v.Pointer))
			v.Hint = fmt.Sprintf("add `%s:`%s", name, purpose(schema.Properties[name]))
			c.Violations = append(c.Violations, v)
		}
	}
}

func (c *Checked) addUnknown(it *item, schema *jsonschema.Schema, v Violation) {
	known := slices.Sorted(maps.Keys(schema.Properties))
	for _, name := range it.fields.names() {
		if schema.Properties[name] != nil {
			continue
		}
		key := it.fields.get(name).key
		v.Name, v.Span = name, c.doc.Span(key)
		v.Edits = mendKey(it, name, known, v.Span)
		near, slip := Nearest(name, known)
		v.Message = "there is no such key" + within(v.Pointer)
		if shown := c.doc.Name(key); IsName(shown) || (slip && shown == name) {
			v.Message = fmt.Sprintf("there is no key %q%s", shown, within(v.Pointer))
		}
		switch {
		case slip:
			v.Hint = fmt.Sprintf("did you mean `%s`?", near)
		case strings.Contains(name, ":"):
			v.Hint = "write a space after the colon"
		default:
			v.Hint = "the keys here are " + strings.Join(known, ", ")
		}
		c.Violations = append(c.Violations, v)
	}
}
