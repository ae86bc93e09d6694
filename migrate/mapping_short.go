package migrate

import (
	"strings"

	"github.com/expr-lang/expr/ast"

	"lockstep/internal/accesskey"
)

// A shortcut computes an expression from the fields of a line without the
// machine of expr, whose start costs more than what most expressions do.
type shortcut func(fields map[string]any) any

// newShortcut knows what mappings mostly are made of: a field, a text, an app
// or a parameter of a target, and whether there is one. It is nil for the rest.
func newShortcut(node ast.Node) shortcut {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return func(fields map[string]any) any { return fields[n.Value] }
	case *ast.StringNode:
		var text any = n.Value
		return func(map[string]any) any { return text }
	case *ast.CallNode:
		return callShortcut(n)
	case *ast.BinaryNode:
		return emptyShortcut(n)
	}
	return nil
}

// callShortcut is for apollo(target) and param(target, "name").
func callShortcut(n *ast.CallNode) shortcut {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok || len(n.Arguments) == 0 {
		return nil
	}
	target := newShortcut(n.Arguments[0])
	switch {
	case target == nil:
		return nil
	case callee.Value == "apollo" && len(n.Arguments) == 1:
		return func(fields map[string]any) any { return appOfTarget(asText(target(fields))) }
	case callee.Value == "param" && len(n.Arguments) == 2:
		if name, ok := n.Arguments[1].(*ast.StringNode); ok {
			return func(fields map[string]any) any { return parameterOf(asText(target(fields)), name.Value) }
		}
	}
	return nil
}

// emptyShortcut is for a call that is compared with "".
func emptyShortcut(n *ast.BinaryNode) shortcut {
	call, isCall := n.Left.(*ast.CallNode)
	text, isText := n.Right.(*ast.StringNode)
	if n.Operator != "!=" || !isCall || !isText || text.Value != "" {
		return nil
	}
	value := callShortcut(call)
	if value == nil {
		return nil
	}
	return func(fields map[string]any) any { return asText(value(fields)) != "" }
}

// appOfTarget is the app whose keys Apollo asks for a target. A target that
// Apollo refuses whatever the signature has none: it says nothing of clients.
// Nor do our own probes, unsigned and signed, see migrate/apollo.
func appOfTarget(target string) string {
	app, guarded, err := accesskey.AppFromTarget(target)
	if err != nil || !guarded || isProbe(target) {
		return ""
	}
	return app
}

// isProbe recognises the namespace that probes ask for. Nothing is hidden by
// it: a client that asks for another one is seen there.
func isProbe(target string) bool {
	path, _, _ := strings.Cut(target, "?")
	return strings.HasSuffix(path, "/lockstep-probe")
}
