package lint

import (
	"encoding/base64"
	"errors"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"lockstep/schemas"
)

// isManifest reports whether a file is a stream of Kubernetes objects. Tools
// that render them may leave an empty document on top.
func isManifest(doc *schemas.Document) bool {
	if blank(doc) {
		roots, _ := doc.Roots()
		for _, root := range roots {
			if root.ShortTag() != "!!null" {
				return isObject(root)
			}
		}
		return false
	}
	return isObject(doc.Root)
}

// isObject reports whether a document is a Kubernetes object.
func isObject(root *yaml.Node) bool {
	return word(root, "apiVersion") != "" && word(root, "kind") != "" && field(root, "listeners") == nil
}

// A manifest collects the agent configs in a Kubernetes manifest.
type manifest struct {
	doc     *schemas.Document
	lines   []string
	pods    []pod
	sources []Source
	errs    []error
}

func manifestSources(doc *schemas.Document) ([]Source, error) {
	roots, err := doc.Roots()
	m := &manifest{doc: doc, lines: doc.Lines(), errs: []error{err}}
	for _, visit := range []func(*yaml.Node){m.addPod, m.object} { // a workload may stand above or below
		for _, root := range roots {
			m.each(root, visit)
		}
	}
	return m.sources, errors.Join(m.errs...)
}

// each visits one object, or all of a list. Aliases of objects are not
// followed, as a list may contain itself.
func (m *manifest) each(object *yaml.Node, visit func(*yaml.Node)) {
	if items := field(object, "items"); strings.HasSuffix(word(object, "kind"), "List") && items != nil && items.Kind == yaml.SequenceNode {
		for _, item := range items.Content {
			m.each(item, visit)
		}
		return
	}
	visit(object)
}

// object looks into one object.
func (m *manifest) object(object *yaml.Node) {
	switch word(object, "kind") {
	case "ConfigMap":
		m.data(object, "data", false)
		m.data(object, "binaryData", true)
	case "Secret":
		m.data(object, "stringData", false)
		m.data(object, "data", true)
	}
}

// data looks at every value below one key of an object.
func (m *manifest) data(object *yaml.Node, name string, encoded bool) {
	data := field(object, name)
	if data == nil || data.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(data.Content); i += 2 {
		value := data.Content[i+1]
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if value.Kind == yaml.ScalarNode {
			m.value(object, data.Content[i].Value, value, encoded)
		}
	}
}

// value takes in a value that looks like an agent config, or whose key does.
func (m *manifest) value(object *yaml.Node, key string, node *yaml.Node, encoded bool) {
	b, source := m.blockOf(node), []byte(nil)
	if encoded {
		b.count = 0
		text, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(node.Value), ""))
		if err != nil {
			m.notBase64(key, node)
			return
		}
		source = text
	} else {
		source = b.pad(node.Value)
	}
	s := Source{File: m.doc.Path, Within: within(object, key), Kind: schemas.KindAgent, Text: source, tier: objectTier(object), block: b}
	if s.document, s.err = schemas.ParseDocument(s.Name(), source); errors.Is(s.err, schemas.ErrTooManyValues) {
		m.errs = append(m.errs, s.err)
	} else if isConfigName(key) || isConfig(s.document, source) {
		s.manifest = &Manifest{Document: m.doc, Workloads: m.workloads(object)}
		m.sources = append(m.sources, s)
	}
}

func (m *manifest) notBase64(key string, node *yaml.Node) {
	if isConfigName(key) {
		m.errs = append(m.errs, m.doc.Fault(node, "the value of "+key+" is not base64", "encode it, or move it to stringData"))
	}
}

// within calls a value by its object and key.
func within(object *yaml.Node, key string) string {
	name := word(field(object, "metadata"), "name")
	if name == "" {
		name = strings.ToLower(word(object, "kind"))
	}
	return "#" + name + "/" + key
}

// isConfigName reports whether a key is what people call an agent config.
func isConfigName(key string) bool {
	extension := path.Ext(key)
	if extension != ".yaml" && extension != ".yml" && extension != ".json" {
		return false
	}
	return strings.TrimSuffix(key, extension) == "agent" || strings.HasPrefix(key, "piko")
}

// objectTier is the tier that an object's labels, annotations or namespace
// tell, in this order; empty if they tell none.
func objectTier(object *yaml.Node) schemas.Tier {
	metadata := field(object, "metadata")
	for _, from := range []struct{ where, key string }{
		{"labels", "lockstep/tier"},
		{"annotations", "lockstep/tier"},
		{"labels", "environment"},
		{"labels", "env"},
		{"labels", "tier"},
	} {
		if tier := tierNamed(word(field(metadata, from.where), from.key)); tier != "" {
			return tier
		}
	}
	namespace := word(metadata, "namespace")
	return tierNamed(namespace[strings.LastIndexByte(namespace, '-')+1:])
}

// tierNamed reads the names that clusters use for tiers, empty for any other
// word.
func tierNamed(name string) schemas.Tier {
	switch name {
	case "prod", "production":
		return schemas.TierProduction
	case "stage", "staging":
		return schemas.TierStaging
	case "dev", "development":
		return schemas.TierDevelopment
	}
	return ""
}
