package schemas

import (
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"go.yaml.in/yaml/v3"
)

// fits reports whether an item certainly satisfies a schema. It knows only
// the keywords that our schemas use and says no to everything else, so that
// the validator, which takes several times as long, has the last word on what
// it does not pass.
func fits(it *item, schema *jsonschema.Schema) bool {
	for schema != nil && schema.Ref != nil {
		schema = schema.Ref
	}
	switch {
	case schema == nil:
		return true
	case it.node == nil || hasOtherKeywords(schema) || len(schema.Types) != 1:
		return false
	case it.fields != nil:
		return schema.Types[0] == "object" && fitsObject(it, schema)
	case it.node.Kind == yaml.SequenceNode:
		return schema.Types[0] == "array" && fitsArray(it, schema)
	default:
		return fitsScalar(it.scalar, schema)
	}
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

func fitsObject(it *item, schema *jsonschema.Schema) bool {
	for _, name := range schema.Required {
		if it.fields.get(name) == nil {
			return false
		}
	}
	for _, f := range it.fields.list {
		if !allows(schema, f.name) || !fits(f.item, propertySchema(schema, f.name)) {
			return false
		}
	}
	return true
}

func fitsArray(it *item, schema *jsonschema.Schema) bool {
	if len(it.items) < schema.MinItems {
		return false
	}
	for _, child := range it.items {
		if !fits(child, schema.Items2020) {
			return false
		}
	}
	return true
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
