package lint

import (
	"bytes"
	"errors"
	"regexp"

	"go.yaml.in/yaml/v3"

	"lockstep/schemas"
)

// A Source is one agent config in a file: the whole file, or a value in a
// Kubernetes manifest. Or it is a rollout file.
type Source struct {
	File   string       // its path, as the user named it
	Within string       // `#name/key` in a manifest, else empty
	Kind   schemas.Kind // [schemas.KindAgent] or [schemas.KindRollout]
	Text   []byte       // of the config; lines of a manifest that are above it are empty in it

	document  *schemas.Document // as from [schemas.ParseDocument], as err
	err       error
	expansion *schemas.Expansion
	tier      schemas.Tier // that the manifest tells, or empty
	manifest  *Manifest    // nil if the config is in none
	block     *block       // leads from document into the file; nil if both are one
}

// Sources finds the agent configs in the file at path, which may also be a
// rollout file. A file that was named by the user is a config whatever it
// holds, unless it is a rollout file or a Kubernetes manifest; one that was
// only come across has to look like one of them.
//
// An error is [schemas.ErrTooManyValues], or one of a manifest that cannot be
// read to its end; what was found before it is returned as well.
func Sources(path string, text []byte, named bool) ([]Source, error) {
	if !named && !mayHoldConfig(text) {
		return nil, nil
	}
	doc, err := schemas.ParseDocument(path, text)
	switch {
	case errors.Is(err, schemas.ErrTooManyValues):
		return nil, err
	case err == nil && isManifest(doc):
		return manifestSources(doc)
	case err == nil && isRollout(doc):
		return []Source{{File: path, Kind: schemas.KindRollout, Text: text, document: doc}}, nil
	case named || isConfig(doc, text):
		return []Source{{File: path, Kind: schemas.KindAgent, Text: text, document: doc, err: err}}, nil
	}
	return nil, nil
}

// Name is what the config is called: manifest.yaml#name/key in a manifest.
func (s *Source) Name() string { return s.File + s.Within }

// Expand puts the values of variables in, which were found in the text. In a
// rollout file there are none. An error is [schemas.ErrTooManyValues].
func (s *Source) Expand(e *schemas.Expansion) error {
	if s.Kind == schemas.KindRollout {
		return nil
	}
	s.expansion = e
	s.document, s.err = schemas.ParseExpanded(s.Name(), e)
	if errors.Is(s.err, schemas.ErrTooManyValues) {
		return s.err
	}
	return nil
}

// Placed reports whether the lines of the text are those of the file.
func (s *Source) Placed() bool { return s.block == nil || s.block.count > 0 }

// Input fills in what a source tells of itself.
func (s *Source) Input(in Input) Input {
	in.Path, in.Within = s.File, s.Within
	in.Document, in.Err, in.Expansion = s.document, s.err, s.expansion
	in.ManifestTier, in.Manifest = s.tier, s.manifest
	return in
}

// CheckSource is [Checker.Check], or [Checker.CheckRollout], for a source. Findings stand in the file
// itself, also those about a value in a manifest, which are not fixed.
func (c *Checker) CheckSource(s Source, in Input) (*Report, error) {
	if s.Kind == schemas.KindRollout && s.err == nil {
		return c.CheckRollout(s.Input(in))
	}
	report, err := c.Check(s.Input(in))
	if err != nil || s.block == nil {
		return report, err
	}
	s.block.placeAll(report)
	return report, nil
}

// mayHoldConfig saves parsing a file that certainly holds no agent config and
// is no rollout file. In UTF-16, every other byte of a key is a zero.
func mayHoldConfig(text []byte) bool {
	return bytes.Contains(text, []byte("listeners")) || bytes.Contains(text, []byte("kind")) || bytes.Contains(text, []byte("subjects")) || bytes.IndexByte(text, 0) >= 0
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
