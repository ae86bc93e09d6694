package migrate

import (
	"slices"
	"strings"
)

// NodeOf is whose log a file is, where no line says. Of the nodes that are
// known it is the one that the path names, nearest to its end: by a directory,
// or by the beginning of the file's name. If none are known, it is the
// directory. A log without one is of the only node, or of the one that is
// called otherwise.
func NodeOf(file string, nodes []string, otherwise string) string {
	elements := strings.FieldsFunc(file, func(r rune) bool { return r == '/' })
	for i, element := range slices.Backward(elements) {
		if slices.Contains(nodes, element) {
			return element
		}
		if i < len(elements)-1 {
			continue
		}
		for _, node := range nodes {
			if rest, ok := strings.CutPrefix(element, node); ok && strings.ContainsAny(rest[:1], ".-_") {
				return node
			}
		}
	}
	switch {
	case len(nodes) == 1:
		return nodes[0]
	case len(elements) > 1:
		return elements[len(elements)-2]
	}
	return otherwise
}
