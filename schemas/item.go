package schemas

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// An item is one value of a document as its Go type will read it: aliases and
// merge keys followed, nulls gone (the Piko agent drops null list items and
// keeps defaults for null fields), scalars as the schema's type wants them.
type item struct {
	key    *yaml.Node // of the mapping entry, or nil
	node   *yaml.Node
	fields *fields // of a mapping, or nil
	items  []*item
	scalar any // of a scalar, as its type wants it
}

// fields are the entries of a mapping in the order of the document, merged
// ones last. Only a large mapping has a table: most have so few entries that
// looking through them takes less than making one.
type fields struct {
	list  []field
	table map[string]*item
}

type field struct {
	name string
	item *item
}

// get returns the named field, nil if there is none.
func (f *fields) get(name string) *item {
	if f.table != nil {
		return f.table[name]
	}
	for i := range f.list {
		if f.list[i].name == name {
			return f.list[i].item
		}
	}
	return nil
}

// add adds a field that is not there yet.
func (f *fields) add(name string, it *item) {
	f.list = append(f.list, field{name, it})
	switch {
	case f.table != nil:
		f.table[name] = it
	case len(f.list) > fewKeys:
		f.table = make(map[string]*item, cap(f.list))
		for _, entry := range f.list {
			f.table[entry.name] = entry.item
		}
	}
}

// names returns the names of all fields, sorted.
func (f *fields) names() []string {
	names := make([]string, len(f.list))
	for i := range f.list {
		names[i] = f.list[i].name
	}
	slices.Sort(names)
	return names
}

// value is what the JSON Schema judges.
func (it *item) value() any {
	switch {
	case it.fields != nil:
		values := make(map[string]any, len(it.fields.list))
		for _, f := range it.fields.list {
			values[f.name] = f.item.value()
		}
		return values
	case it.node != nil && it.node.Kind == yaml.SequenceNode:
		values := make([]any, len(it.items))
		for i, child := range it.items {
			values[i] = child.value()
		}
		return values
	default:
		return it.scalar
	}
}

// pointerTo is the JSON pointer that words lead to.
func pointerTo(words []string) string {
	var b strings.Builder
	for _, word := range words {
		b.WriteByte('/')
		_, _ = escapePointer.WriteString(&b, word) // a strings.Builder takes all
	}
	return b.String()
}

var (
	escapePointer   = strings.NewReplacer("~", "~0", "/", "~1")
	unescapePointer = strings.NewReplacer("~1", "/", "~0", "~")
)

// EscapePointer returns a name as it stands in a JSON pointer (RFC 6901).
func EscapePointer(name string) string { return escapePointer.Replace(name) }
