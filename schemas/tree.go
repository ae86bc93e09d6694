package schemas

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"go.yaml.in/yaml/v3"
)

// maxItems bounds how many values a document may unfold to, so that a few
// lines of nested aliases cannot fill the memory.
const maxItems = 200_000

// aliasKeyword is that of a violation by an alias.
const aliasKeyword = "alias"

// goDuration is the schema format of a duration that the Piko agent reads: Go
// syntax as text, never a bare number.
const goDuration = "go-duration"

// builder makes items and collects what no schema can say.
type builder struct {
	doc     *Document
	left    int
	open    map[*yaml.Node]bool // anchored collections being built, which no alias may lead back to
	faults  []Violation
	nulls   []Null
	pointer []string // the words of the pointer to where it is
}

// build returns the item of node, directed by schema, or nil for a null.
func (b *builder) build(key, node *yaml.Node, schema *jsonschema.Schema) *item {
	if b.exhausted(node) {
		return nil
	}
	for schema != nil && schema.Ref != nil {
		schema = schema.Ref
	}
	switch node.Kind {
	case yaml.AliasNode:
		return b.follow(key, node, schema)
	case yaml.MappingNode:
		return b.mapping(key, node, schema)
	case yaml.SequenceNode:
		return b.sequence(key, node, schema)
	default:
		if node.ShortTag() == "!!null" {
			return nil
		}
		return &item{key: key, node: node, scalar: scalarValue(node, schema)}
	}
}

// exhausted counts a value, and reports whether there were too many.
func (b *builder) exhausted(node *yaml.Node) bool {
	if b.left--; b.left == -1 {
		b.fault(aliasKeyword, node, "the aliases of this document unfold to too many values", "write the values out")
	}
	return b.left < 0
}

func (b *builder) follow(key, node *yaml.Node, schema *jsonschema.Schema) *item {
	if b.open[node.Alias] {
		b.fault(aliasKeyword, node, "this alias contains itself", "write the value out")
		return nil
	}
	return b.build(key, node.Alias, schema)
}

func (b *builder) sequence(key, node *yaml.Node, schema *jsonschema.Schema) *item {
	defer b.enter(node)()
	it := &item{key: key, node: node, items: make([]*item, 0, len(node.Content))}
	for _, child := range node.Content {
		b.pointer = append(b.pointer, strconv.Itoa(len(it.items)))
		if c := b.build(nil, child, elementSchema(schema)); c != nil {
			it.items = append(it.items, c)
		} else if isNull(child) {
			b.nulls = append(b.nulls, Null{Pointer: cmp.Or(pointerTo(b.pointer[:len(b.pointer)-1]), "/"), Span: b.doc.Span(child)})
		}
		b.pointer = b.pointer[:len(b.pointer)-1]
	}
	return it
}

// enter marks a collection as being built until leave is called. Only what
// has an anchor can be led back to.
func (b *builder) enter(node *yaml.Node) (leave func()) {
	if node.Anchor == "" {
		return func() {}
	}
	if b.open == nil {
		b.open = map[*yaml.Node]bool{}
	}
	b.open[node] = true
	return func() { delete(b.open, node) }
}

func (b *builder) mapping(key, node *yaml.Node, schema *jsonschema.Schema) *item {
	defer b.enter(node)()
	it := &item{key: key, node: node, fields: &fields{list: make([]field, 0, len(node.Content)/2)}}
	b.duplicates(node)
	for i := 0; i+1 < len(node.Content); i += 2 {
		if k := node.Content[i]; !isMerge(k) {
			b.field(it, k, node.Content[i+1], schema)
		}
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if isMerge(node.Content[i]) {
			b.merge(it, node.Content[i+1], schema)
		}
	}
	return it
}

// field adds one entry; an entry that is there already wins, as explicit keys
// are added before merged ones.
func (b *builder) field(it *item, key, node *yaml.Node, schema *jsonschema.Schema) {
	name := aliased(key)
	if name.ShortTag() == "!!null" {
		return
	}
	if name.Kind != yaml.ScalarNode {
		b.fault("key", key, "a key is not a single word here", "write `name: value`")
		return
	}
	if it.fields.get(name.Value) != nil {
		return
	}
	b.pointer = append(b.pointer, name.Value)
	child := b.build(key, node, propertySchema(schema, name.Value))
	if child == nil && !allows(schema, name.Value) {
		child = &item{key: key, node: node} // an unknown key is wrong also without a value
	}
	if child != nil {
		it.fields.add(name.Value, child)
	}
	b.pointer = b.pointer[:len(b.pointer)-1]
}

// allows reports whether a mapping judged by schema may have the named field.
func allows(schema *jsonschema.Schema, name string) bool {
	return schema == nil || schema.Properties[name] != nil || schema.AdditionalProperties != false
}

// merge adds the entries of a `<<` value: a mapping, or a list of them.
func (b *builder) merge(it *item, node *yaml.Node, schema *jsonschema.Schema) {
	source := aliased(node)
	if b.exhausted(node) {
		return
	}
	if b.open[source] {
		b.fault(aliasKeyword, node, "this merge contains itself", "write the values out")
		return
	}
	switch source.Kind {
	case yaml.MappingNode:
		merged := b.mapping(nil, source, schema)
		for _, f := range merged.fields.list {
			if it.fields.get(f.name) == nil {
				it.fields.add(f.name, f.item)
			}
		}
	case yaml.SequenceNode:
		defer b.enter(source)()
		for _, child := range source.Content {
			b.merge(it, child, schema)
		}
	default:
		b.fault("merge", node, "only a mapping can be merged", "merge an alias of a mapping: `<<: *name`")
	}
}

// fewKeys is up to how many keys of a mapping are compared one by one.
const fewKeys = 20

// duplicates reports keys that stand twice in a mapping. Most have so few
// that comparing each with each takes less than a table of them.
func (b *builder) duplicates(node *yaml.Node) {
	if len(node.Content) > 2*fewKeys {
		b.manyDuplicates(node)
		return
	}
	for i := 2; i+1 < len(node.Content); i += 2 {
		for j := 0; j < i; j += 2 {
			if k, first := aliased(node.Content[i]), aliased(node.Content[j]); k.Value == first.Value && k.Kind == first.Kind {
				b.duplicate(node.Content[i], node.Content[j])
				break
			}
		}
	}
}

func (b *builder) manyDuplicates(node *yaml.Node) {
	type identity struct {
		kind  yaml.Kind
		value string
	}
	seen := map[identity]*yaml.Node{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		k := node.Content[i]
		id := identity{aliased(k).Kind, aliased(k).Value}
		if first, twice := seen[id]; twice {
			b.duplicate(k, first)
			continue
		}
		seen[id] = k
	}
}

func (b *builder) duplicate(k, first *yaml.Node) {
	key, place := "this key", b.doc.Span(first)
	if name := b.doc.Name(k); name != "" && IsName(name) {
		key = fmt.Sprintf("key %q", name)
	}
	b.add(Violation{
		Keyword: "duplicateKey", Span: b.doc.Span(k), First: place,
		Message: fmt.Sprintf("%s is there already, on line %d", key, place.Start.Line), Hint: "keep one of the two",
	})
}

func (b *builder) fault(keyword string, node *yaml.Node, message, hint string) {
	b.add(Violation{Keyword: keyword, Span: b.doc.Span(node), Message: message, Hint: hint})
}

// add places a violation in what is being built. Further ones than anybody is
// told of are only good for the knowledge that there are some.
func (b *builder) add(v Violation) {
	if len(b.faults) <= maxViolations {
		v.Pointer = cmp.Or(pointerTo(b.pointer), "/")
		b.faults = append(b.faults, v)
	}
}

// isNull reports whether node, or what it is an alias of, is a null.
func isNull(node *yaml.Node) bool {
	return aliased(node).ShortTag() == "!!null"
}

// aliased is node, or what it is an alias of.
func aliased(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// isMerge reports whether key is an unquoted `<<`.
func isMerge(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.Value == "<<" && key.ShortTag() == "!!merge"
}

// scalarValue reads a scalar as the Go field behind schema would: by the YAML
// library's own decoder, so that `yes`, `0x10` or `1.9` mean here what they
// mean to the Piko agent. What does not fit keeps its own type, for the schema
// to refuse.
func scalarValue(node *yaml.Node, schema *jsonschema.Schema) any {
	switch {
	case schema == nil || len(schema.Types) == 0:
	case schema.Types[0] == "string" && schema.Format != goDuration && plainText(node):
		return node.Value
	case schema.Format == goDuration && plainText(node):
		if _, err := time.ParseDuration(node.Value); err == nil {
			return node.Value
		}
	case schema.Format == goDuration:
		var d time.Duration
		if node.ShortTag() != "!!int" && node.Decode(&d) == nil {
			return node.Value
		}
	case schema.Types[0] == "string":
		var s string
		if node.Decode(&s) == nil {
			return s
		}
	case schema.Types[0] == "boolean":
		var v bool
		if node.Decode(&v) == nil {
			return v
		}
	case schema.Types[0] == "integer":
		var n int
		if node.Decode(&n) == nil {
			return n
		}
	}
	return ownValue(node)
}

// plainText reports whether a scalar is a text by itself. What the decoder
// comes to is known then without its cost.
func plainText(node *yaml.Node) bool { return node.Tag == "!!str" && node.Style&yaml.TaggedStyle == 0 }

// ownValue reads a scalar as the type it has by itself.
func ownValue(node *yaml.Node) any {
	switch node.ShortTag() {
	case "!!int", "!!float":
		var f float64
		if node.Decode(&f) == nil && f == f && f-f == 0 { // JSON knows neither NaN nor infinity
			return f
		}
	case "!!bool":
		var v bool
		if node.Decode(&v) == nil {
			return v
		}
	case "!!binary":
		if raw, err := base64.StdEncoding.DecodeString(node.Value); err == nil {
			return string(raw)
		}
	}
	return node.Value
}
