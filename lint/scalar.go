package lint

import (
	"go.yaml.in/yaml/v3"

	"lockstep/schemas"
)

// A noteScalar is told of a scalar, a key or an alias, of the key it is the
// value of, if there is one, and of how many of its bytes may be shown.
type noteScalar func(key, node *yaml.Node, harmless int)

// everyScalar notes all that a document says, in its order.
func everyScalar(document *yaml.Node, note noteScalar) { note.below(nil, document, root) }

// below notes every scalar at and below a node, which is the value of key.
// Name is what the key stands for, which is not its own text in a merge.
func (note noteScalar) below(key, node *yaml.Node, name string) {
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			note.entry(node.Content[i], node.Content[i+1], name)
		}
	case yaml.ScalarNode:
		note(key, node, harmlessPrefix(name, node.Value))
	case yaml.AliasNode:
		note(key, node, 0)
	default:
		for _, child := range node.Content {
			note.below(nil, child, elementOf(name))
		}
	}
}

// entry notes an entry of the mapping that is the value of parent.
func (note noteScalar) entry(key, value *yaml.Node, parent string) {
	switch {
	case key.Kind != yaml.ScalarNode:
		note.below(nil, key, "")
		note.below(nil, value, "")
		return
	case parent == "subjects" && isSubject(key.Value):
		note(nil, key, len(key.Value))
		note.below(key, value, subjectEntry)
		return
	case holdsKeys(parent) && (schemas.IsName(key.Value) || key.Value == "<<"):
		note(nil, key, len(key.Value))
	default:
		note(nil, key, 0)
	}
	below := key.Value
	if below == "<<" {
		below = parent
	}
	note.below(key, value, below)
}

// isSubject reports whether a key is called like a subject of a rollout file.
func isSubject(name string) bool {
	_, err := schemas.ParseSubject(name)
	return err == nil
}
