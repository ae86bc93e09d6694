package schemas

import (
	"bytes"
	"errors"
	"io"

	"go.yaml.in/yaml/v3"
)

// Roots returns the root of each YAML document in the file, that of the first
// one included; empty documents have none. The agent reads the first one
// only, but a Kubernetes manifest is often a stream of many. Where one is not
// YAML it returns those above it and a [*Fault].
func (d *Document) Roots() ([]*yaml.Node, error) {
	var roots []*yaml.Node
	for dec := yaml.NewDecoder(bytes.NewReader(d.Source)); ; {
		var node yaml.Node
		switch err := dec.Decode(&node); {
		case errors.Is(err, io.EOF):
			return roots, nil
		case err != nil:
			return roots, d.syntaxFault(err)
		case node.Kind == yaml.DocumentNode && len(node.Content) > 0:
			roots = append(roots, node.Content[0])
		}
	}
}
