package apollo

import (
	"slices"
	"strings"
)

// node is whose log a file is, as no line says. Of the nodes that are known it
// is the one that the path names, nearest to its end: by a directory, or by
// the beginning of the file's name. If none are known, it is the directory. A
// log without one is that of the only node, called like the dialect.
func (d *Dialect) node(file string) string {
	elements := strings.FieldsFunc(file, func(r rune) bool { return r == '/' })
	for i, element := range slices.Backward(elements) {
		if slices.ContainsFunc(d.profile.Nodes, func(node string) bool { return element == node }) {
			return element
		}
		if i < len(elements)-1 {
			continue
		}
		for _, node := range d.profile.Nodes {
			if rest, ok := strings.CutPrefix(element, node); ok && strings.ContainsAny(rest[:1], ".-_") {
				return node
			}
		}
	}
	switch {
	case len(d.profile.Nodes) == 1:
		return d.profile.Nodes[0]
	case len(elements) > 1:
		return elements[len(elements)-2]
	}
	return d.name
}
