package migrate

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// remove deletes the entries of mapping that are called as one of names, where
// they stand there: in a block mapping their lines, in a flow mapping with a comma.
func (e *editor) remove(mapping *yaml.Node, names ...string) error {
	kept := false // an entry before
	for i := 0; mapping != nil && i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		if !slices.Contains(names, key.Value) {
			kept = true
			continue
		}
		start, _ := e.place.span(e.doc.Span(key))
		_, end := e.place.span(e.doc.Span(value))
		switch {
		case mapping.Style&yaml.FlowStyle == 0:
			begin := e.place.starts[e.doc.Span(key).Start.Line-1]
			if strings.TrimSpace(string(e.place.source[begin:start])) != "" {
				return e.doc.Fault(key, key.Value+" cannot be taken out here", "begin a line with it")
			}
			start = begin
			end, _ = e.place.nextLine(end)
		case kept:
			_, start = e.place.span(e.doc.Span(mapping.Content[i-1]))
		case i+2 < len(mapping.Content):
			end, _ = e.place.span(e.doc.Span(mapping.Content[i+2]))
		}
		e.replacements = append(e.replacements, replacement{start, end, ""})
	}
	return nil
}
