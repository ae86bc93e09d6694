package schemas

import (
	"bytes"
	"errors"
	"regexp"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"go.yaml.in/yaml/v3"
)

// An Edit puts Text in the place of what stands at Span, which may be empty.
type Edit struct {
	Span
	Text string `json:"text"`
}

// ErrUTF16 says that a document cannot be edited.
var ErrUTF16 = errors.New("it is UTF-16, and only UTF-8 is edited")

// Edit returns the source with edits made and every other byte as it was.
// The edits may come in any order; none overlaps another.
func (d *Document) Edit(edits []Edit) ([]byte, error) {
	if bytes.HasPrefix(d.Bytes(), []byte{0xff, 0xfe}) || bytes.HasPrefix(d.Bytes(), []byte{0xfe, 0xff}) {
		return nil, Hint(ErrUTF16, "save it as UTF-8 first")
	}
	var out []byte
	done := 0
	for _, e := range slices.SortedStableFunc(slices.Values(edits), func(a, b Edit) int { return a.Start.compare(b.Start) }) {
		start, end := d.Offset(e.Start), d.Offset(e.End)
		if start < done || end < start {
			return nil, errors.New("two edits overlap")
		}
		out = append(out, d.Bytes()[done:start]...)
		out = append(out, e.Text...)
		done = end
	}
	return append(out, d.Bytes()[done:]...), nil
}

// Offset is the byte at which a position stands in a file in UTF-8, at most
// its end.
func (d *Document) Offset(p Position) int {
	if p.Line > len(d.file().lines) {
		return len(d.Bytes())
	}
	mark := 0
	if bytes.HasPrefix(d.Bytes(), []byte("\ufeff")) {
		mark = len("\ufeff")
	}
	line := d.file().line(p.Line)
	return mark + line.start + line.offset(p.Column)
}

var bareNumber = regexp.MustCompile(`^[1-9][0-9]*$`)

// mendValue gives seconds to a number that stands for a duration, and takes
// the quotes from a boolean. No edit holds a value that could be a secret.
func mendValue(node *yaml.Node, schema *jsonschema.Schema, span Span) []Edit {
	if schema == nil || node == nil || node.Kind != yaml.ScalarNode || node.Anchor != "" || node.Style&yaml.TaggedStyle != 0 {
		return nil
	}
	quoted := node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0
	switch {
	case schema.Format == goDuration && bareNumber.MatchString(node.Value) && node.Style == 0:
		return []Edit{{Span{span.End, span.End}, "s"}}
	case slices.Contains(schema.Types, "boolean") && quoted && (node.Value == "true" || node.Value == "false"):
		return []Edit{{span, node.Value}}
	}
	return nil
}

// mendKey renames a key where only one known key is near, and no other key is
// the near one or could be meant for it.
func mendKey(it *item, name string, known []string, span Span) []Edit {
	key := it.fields.get(name).key
	near, ok := onlyNearest(name, known)
	if !ok || key.Kind != yaml.ScalarNode || key.Anchor != "" || key.Style&yaml.TaggedStyle != 0 || it.fields.get(near) != nil {
		return nil
	}
	for i := 0; i+1 < len(it.node.Content); i += 2 {
		other := it.node.Content[i]
		meant, _ := Nearest(other.Value, known)
		if other != key && (other.Value == near || (meant == near && !slices.Contains(known, other.Value))) {
			return nil
		}
	}
	switch key.Style {
	case yaml.DoubleQuotedStyle:
		near = `"` + near + `"`
	case yaml.SingleQuotedStyle:
		near = "'" + near + "'"
	}
	return []Edit{{span, near}}
}

// onlyNearest is [Nearest] where no second candidate is near.
func onlyNearest(word string, candidates []string) (string, bool) {
	near, ok := Nearest(word, candidates)
	others := slices.DeleteFunc(slices.Clone(candidates), func(c string) bool { return c == near })
	_, ambiguous := Nearest(word, others)
	return near, ok && !ambiguous
}

// Overlaps reports whether two edits change the same text, or insert at one place.
func (e Edit) Overlaps(other Edit) bool {
	return e.Start == other.Start || (e.Start.compare(other.End) < 0 && other.Start.compare(e.End) < 0)
}

// Holds reports whether other lies within s.
func (s Span) Holds(other Span) bool {
	return s.Start.compare(other.Start) <= 0 && other.End.compare(s.End) <= 0
}

// Text returns the text at a span within one line.
func (d *Document) Text(span Span) string {
	line := d.file().line(span.Start.Line)
	return line.text[line.offset(span.Start.Column):line.offset(span.End.Column)]
}

// TextAt returns the text at a span as it is after edits within it.
func (d *Document) TextAt(span Span, edits []Edit) (string, error) {
	text, err := d.Edit(edits)
	if err != nil {
		return "", err
	}
	return string(text[d.Offset(span.Start) : d.Offset(span.End)+len(text)-len(d.Source)]), nil
}
