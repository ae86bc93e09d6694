package migrate

import (
	"encoding/json"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// numbers are the fields that a mapping compares or computes with numbers.
// Most log databases hold every value as text, where a file has a number.
func (m *mapping) numbers() map[string]bool {
	found := map[string]bool{}
	for _, e := range m.expressions() {
		findNumbers(e.node(), found)
	}
	return found
}

func findNumbers(node ast.Node, found map[string]bool) {
	if n, ok := node.(*ast.BinaryNode); ok {
		for _, sides := range [][2]ast.Node{{n.Left, n.Right}, {n.Right, n.Left}} {
			if path, ok := pathOf(sides[0], nil); ok && isNumeric(sides[1]) {
				found[path.String()] = true
			}
		}
	}
	if call, ok := node.(*ast.CallNode); ok {
		for _, argument := range call.Arguments {
			findNumbers(argument, found)
		}
		return
	}
	parts, _ := partsOf(node)
	for _, part := range parts {
		findNumbers(part, found)
	}
}

// isNumeric reports whether a node is a number, or several.
func isNumeric(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		return true
	case *ast.UnaryNode:
		return isNumeric(n.Node)
	case *ast.BinaryNode:
		return isNumeric(n.Left) && isNumeric(n.Right)
	case *ast.ArrayNode:
		return len(n.Nodes) > 0 && isNumeric(n.Nodes[0])
	case *ast.ConstantNode: // what several numbers have been made of
		return isNumericValue(n.Value)
	}
	return false
}

func isNumericValue(value any) bool {
	switch v := value.(type) {
	case int, float64, map[int]struct{}:
		return true
	case []any:
		return len(v) > 0 && isNumericValue(v[0])
	}
	return false
}

// asNumber is the number that a text is where JSON would write it so, or else
// the text: 007 is a name.
func asNumber(text string) any {
	if text == "" || !strings.Contains("-0123456789", text[:1]) || strings.TrimSpace(text) != text || !json.Valid([]byte(text)) {
		return text
	}
	if n := number(json.Number(text)); n != nil {
		return n
	}
	return text
}
