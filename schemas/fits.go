package schemas

import (
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"go.yaml.in/yaml/v3"
)

// misfits counts the values of an item that may not satisfy a schema; at zero
// all certainly do. It knows only the keywords that our schemas use and counts
// everything else, so that the validator, which takes several times as long,
// has the last word on what does not pass.
func misfits(it *item, schema *jsonschema.Schema) int {
	for schema != nil && schema.Ref != nil {
		schema = schema.Ref
	}
	switch {
	case schema == nil:
		return 0
	case it.node == nil || hasOtherKeywords(schema) || len(schema.Types) != 1:
		return 1
	case it.fields != nil && schema.Types[0] == "object":
		return misfitsOfObject(it, schema)
	case it.fields == nil && it.node.Kind == yaml.SequenceNode && schema.Types[0] == "array":
		return misfitsOfArray(it, schema)
	case it.fields == nil && it.node.Kind != yaml.SequenceNode && fitsScalar(it.scalar, schema):
		return 0
	}
	return 1
}

// hasOtherKeywords reports whether a schema asks for something that fits
// does not look at. A count of -1 means that there is no such limit.
func hasOtherKeywords(s *jsonschema.Schema) bool {
	combined := len(s.AllOf)+len(s.AnyOf)+len(s.OneOf) > 0 || s.Not != nil || s.If != nil
	object := s.MinProperties > 0 || s.MaxProperties >= 0 || s.PropertyNames != nil || len(s.PatternProperties) > 0 ||
		len(s.Dependencies)+len(s.DependentRequired)+len(s.DependentSchemas) > 0 || s.UnevaluatedProperties != nil
	array := s.MaxItems >= 0 || s.UniqueItems || len(s.PrefixItems) > 0 || s.Contains != nil ||
		s.UnevaluatedItems != nil || s.Items != nil
	scalar := s.MaxLength >= 0 || s.ContentEncoding != "" || s.ContentMediaType != "" || s.ExclusiveMinimum != nil ||
		s.ExclusiveMaximum != nil || s.MultipleOf != nil || s.Minimum != nil || s.Maximum != nil
	return combined || object || array || scalar || s.Always != nil || len(s.Constant) > 0 ||
		s.RecursiveRef != nil || s.DynamicRef != nil
}

func misfitsOfObject(it *item, schema *jsonschema.Schema) (n int) {
	for _, name := range schema.Required {
		if it.fields.get(name) == nil {
			n++
		}
	}
	for _, f := range it.fields.list {
		if allows(schema, f.name) {
			n += misfits(f.item, propertySchema(schema, f.name))
		} else {
			n++
		}
	}
	return n
}

func misfitsOfArray(it *item, schema *jsonschema.Schema) (n int) {
	if len(it.items) < schema.MinItems {
		n++
	}
	for _, child := range it.items {
		n += misfits(child, schema.Items2020)
	}
	return n
}

func fitsScalar(value any, schema *jsonschema.Schema) bool {
	switch v := value.(type) {
	case bool:
		return schema.Types[0] == "boolean"
	case string:
		return schema.Types[0] == "string" && fitsText(v, schema)
	default:
		return false
	}
}

func fitsText(text string, schema *jsonschema.Schema) bool {
	switch {
	case schema.Format != "" && schema.Format != goDuration:
		return false
	case len(schema.Enum) > 0 && !slices.Contains(schema.Enum, any(text)):
		return false
	case schema.Pattern != nil && !schema.Pattern.MatchString(text):
		return false
	default:
		return schema.MinLength < 1 || text != "" && schema.MinLength == 1
	}
}
