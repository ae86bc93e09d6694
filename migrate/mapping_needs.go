package migrate

import (
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"lockstep/schemas"
)

// A fieldPath is where a field is found in a line: its name, or the names of
// the objects around it, the outermost first.
type fieldPath []string

// String writes the path as an expression would.
func (p fieldPath) String() string { return strings.Join(p, ".") }

// within reports whether the field is q, or lies in it.
func (p fieldPath) within(q fieldPath) bool { return len(p) >= len(q) && slices.Equal(p[:len(q)], q) }

// needs are the fields that a mapping reads from a line. What it makes of the
// line depends on nothing else, so that lines which agree in these fields are
// counted together before any expression is computed.
//
// The time is apart, as it differs from line to line; ok is false if it is not
// simply a field, or if it cannot be told what the expressions read.
func (m *mapping) needs() (fields []fieldPath, when fieldPath, ok bool) {
	when, ok = pathOf(m.when.node(), nil)
	found := needsFinder{}
	for _, e := range m.expressions() {
		found.walk(e.node(), nil)
	}
	return outermost(found.paths), when, ok && !found.unclear
}

// expressions are those that decide what an event says, besides its time.
func (m *mapping) expressions() []*expression {
	all := []*expression{m.selects, m.fail, m.ok, m.node, m.app, m.key}
	for _, client := range m.clients {
		all = append(all, client.from)
	}
	for _, reason := range m.reasons {
		all = append(all, reason.when)
	}
	return all
}

// node is nil where no expression was compiled.
func (e *expression) node() ast.Node {
	if e == nil || e.program == nil {
		return nil
	}
	return e.program.Node()
}

// A tupleMaker makes events of the values that a mapping needs.
type tupleMaker struct {
	*mapping

	fields []fieldPath
}

// tuples is for values in the order of [mapping.needs].
func (m *mapping) tuples() tupleMaker {
	fields, _, _ := m.needs()
	return tupleMaker{m, fields}
}

// An emptyParent stands for a field that is not there, although so many of the
// objects around it are.
type emptyParent int

// tupleEvent is the event of all lines with these values, one for each field
// that is needed: nil for one that is not there. It is what [mapping.event]
// says of such a line.
func (m tupleMaker) tupleEvent(values []any, at time.Time) (e schemas.Event, ok bool, err error) {
	fields := make(map[string]any, len(values))
	for i, value := range values {
		set(fields, m.fields[i], value)
	}
	return m.eventOf(&reader{fields: fields, at: at})
}

// set puts a value where its path says.
func set(fields map[string]any, path fieldPath, value any) {
	depth := len(path) - 1
	if parents, empty := value.(emptyParent); empty {
		depth = int(parents)
	} else if value == nil {
		return
	}
	for _, name := range path[:depth] {
		inner, ok := fields[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			fields[name] = inner
		}
		fields = inner
	}
	if depth == len(path)-1 && value != emptyParent(depth) {
		fields[path[depth]] = value
	}
}

// outermost leaves out fields that lie in others, and sorts.
func outermost(paths []fieldPath) []fieldPath {
	slices.SortFunc(paths, slices.Compare[fieldPath])
	var kept []fieldPath
	for _, path := range paths {
		if len(kept) == 0 || !path.within(kept[len(kept)-1]) {
			kept = append(kept, path)
		}
	}
	return kept
}

// A needsFinder finds the fields that expressions read.
type needsFinder struct {
	paths   []fieldPath
	unclear bool // they may read any
}

// walk finds the fields below a node; hidden are names that stand for
// variables there.
func (f *needsFinder) walk(node ast.Node, hidden []string) {
	if path, ok := pathOf(node, hidden); ok {
		f.paths = append(f.paths, path)
		return
	}
	switch n := node.(type) {
	case *ast.IdentifierNode:
		f.unclear = f.unclear || !slices.Contains(hidden, n.Value) // $env
	case *ast.VariableDeclaratorNode:
		f.walk(n.Value, hidden)
		f.walk(n.Expr, append(slices.Clip(hidden), n.Name))
	case *ast.CallNode:
		if _, function := n.Callee.(*ast.IdentifierNode); !function {
			f.walk(n.Callee, hidden)
		}
		f.all(n.Arguments, hidden)
	default:
		parts, known := partsOf(node)
		f.unclear = f.unclear || !known
		f.all(parts, hidden)
	}
}

func (f *needsFinder) all(nodes []ast.Node, hidden []string) {
	for _, node := range nodes {
		f.walk(node, hidden)
	}
}

// partsOf are the nodes below one whose names mean there what they mean outside.
func partsOf(node ast.Node) (parts []ast.Node, known bool) {
	switch n := node.(type) {
	case nil, *ast.NilNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.BytesNode,
		*ast.ConstantNode, *ast.PointerNode:
		return nil, true
	case *ast.UnaryNode:
		return []ast.Node{n.Node}, true
	case *ast.BinaryNode:
		return []ast.Node{n.Left, n.Right}, true
	case *ast.ChainNode:
		return []ast.Node{n.Node}, true
	case *ast.MemberNode:
		return []ast.Node{n.Node, n.Property}, true
	case *ast.SliceNode:
		return []ast.Node{n.Node, n.From, n.To}, true
	case *ast.BuiltinNode:
		return append(slices.Clip(n.Arguments), n.Map), true
	case *ast.PredicateNode:
		return []ast.Node{n.Node}, true
	case *ast.ConditionalNode:
		return []ast.Node{n.Cond, n.Exp1, n.Exp2}, true
	case *ast.SequenceNode:
		return n.Nodes, true
	case *ast.ArrayNode:
		return n.Nodes, true
	case *ast.MapNode:
		return n.Pairs, true
	case *ast.PairNode:
		return []ast.Node{n.Key, n.Value}, true
	}
	return nil, false
}

// pathOf is the path of a node that is a field, as a.b, a?.b and a["b"] are.
func pathOf(node ast.Node, hidden []string) (fieldPath, bool) {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return fieldPath{n.Value}, n.Value != "$env" && !slices.Contains(hidden, n.Value)
	case *ast.ChainNode:
		return pathOf(n.Node, hidden)
	case *ast.MemberNode:
		name, isName := n.Property.(*ast.StringNode)
		path, ok := pathOf(n.Node, hidden)
		if ok && isName {
			return append(path, name.Value), true
		}
	}
	return nil, false
}
