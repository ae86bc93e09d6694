package lint

import (
	"bytes"
	"regexp"

	"go.yaml.in/yaml/v3"

	"lockstep/schemas"
)

// A Source is one agent config in a file: the whole file, or a value in a
// Kubernetes manifest.
type Source struct {
	Name     string            // the path of the file, or manifest.yaml#name/key
	Document *schemas.Document // as from [schemas.ParseDocument], as Err
	Err      error
	Tier     schemas.Tier // that the manifest tells, or empty

	file  string
	place func(schemas.Span) schemas.Span // leads from Document into the file; nil if both are one
}

// Sources finds the agent configs in the file at path. A file that was named
// by the user is a config whatever it holds, unless it is a Kubernetes
// manifest; one that was only come across has to look like either.
//
// An error is one of a manifest that cannot be read to its end; what was
// found before it is returned as well.
func Sources(path string, text []byte, named bool) ([]Source, error) {
	if !named && !mayHoldConfig(text) {
		return nil, nil
	}
	doc, err := schemas.ParseDocument(path, text)
	switch {
	case err == nil && isManifest(doc):
		return manifestSources(doc)
	case named || isConfig(doc, text):
		return []Source{{Name: path, Document: doc, Err: err, file: path}}, nil
	}
	return nil, nil
}

// CheckSource is [Checker.Check] for a source, which replaces the path, the
// document and the manifest's tier in in. Findings stand in the file itself,
// also those about a value in a manifest.
func (c *Checker) CheckSource(s Source, in Input) (*Report, error) {
	in.Path, in.Document, in.Err, in.ManifestTier = s.file, s.Document, s.Err, s.Tier
	report, err := c.Check(in)
	if err != nil || s.place == nil {
		return report, err
	}
	report.Path = s.Name
	for i := range report.Findings {
		report.Findings[i].Span = s.place(report.Findings[i].Span)
	}
	return report, nil
}

// mayHoldConfig saves parsing a file that certainly holds no agent config. In
// UTF-16, every other byte of a key is a zero.
func mayHoldConfig(text []byte) bool {
	return bytes.Contains(text, []byte("listeners")) || bytes.Contains(text, []byte("kind")) || bytes.IndexByte(text, 0) >= 0
}

// listenersKey finds the key in a text that is not YAML.
var listenersKey = regexp.MustCompile(`(?m)^[{ \t]*"listeners"[ \t]*:|^listeners[ \t]*:`)

// isConfig reports whether a file looks like an agent config; doc is nil for
// one that is not YAML, which must not pass for something else. A policy of
// lockstep has listeners too, by their names.
func isConfig(doc *schemas.Document, text []byte) bool {
	if doc == nil {
		return listenersKey.Match(text)
	}
	listeners := field(doc.Root, "listeners")
	isPolicy := listeners != nil && listeners.Kind == yaml.MappingNode && field(doc.Root, "version") != nil
	return listeners != nil && !isPolicy
}

// field returns the value of a key in a mapping, aliases followed; nil if
// there is none. A key that is there twice counts with its first value.
func field(node *yaml.Node, name string) *yaml.Node {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			value := node.Content[i+1]
			if value.Kind == yaml.AliasNode {
				return value.Alias
			}
			return value
		}
	}
	return nil
}

// word returns the scalar at a key, empty if there is none.
func word(node *yaml.Node, name string) string {
	if value := field(node, name); value != nil && value.Kind == yaml.ScalarNode {
		return value.Value
	}
	return ""
}
