package schemas_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"lockstep/schemas"
)

// TestSchemasAgreeWithTypes holds each schema and its Go type together: what
// one has, the other has.
func TestSchemasAgreeWithTypes(t *testing.T) {
	t.Parallel()
	for kind, value := range map[schemas.Kind]any{
		schemas.KindAgent:     schemas.Agent{},
		schemas.KindPolicy:    schemas.Policy{},
		schemas.KindRollout:   schemas.Rollout{},
		schemas.KindInventory: schemas.Inventory{},
		schemas.KindPlan:      schemas.Plan{},
		schemas.KindEvent:     schemas.Event{},
		schemas.KindJournal:   schemas.JournalEntry{},
		schemas.KindLintProbe: schemas.ProbeReport{},
		schemas.KindOverrides: schemas.Overrides{},
	} {
		text, err := schemas.Text(kind)
		if err != nil {
			t.Fatal(err)
		}
		var root map[string]any
		if err := json.Unmarshal(text, &root); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		a := agreement{t: t, root: root, tag: "yaml"}
		if kind == schemas.KindEvent || kind == schemas.KindJournal {
			a.tag = "json"
		}
		a.compare(string(kind), root, reflect.TypeOf(value))
	}
}

// agreement compares one schema with one type.
type agreement struct {
	t    *testing.T
	root map[string]any
	tag  string
}

func (a *agreement) compare(path string, schema map[string]any, typ reflect.Type) {
	schema = a.resolve(schema)
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch {
	case schema["properties"] != nil && typ.Kind() == reflect.Struct:
		a.object(path, schema["properties"].(map[string]any), typ)
	case schema["items"] != nil:
		if typ.Kind() != reflect.Slice {
			a.t.Errorf("%s: a list in the schema, %s in Go", path, typ)
			return
		}
		a.compare(path+"[]", schema["items"].(map[string]any), typ.Elem())
	case schema["additionalProperties"] != nil && typ.Kind() == reflect.Map:
		if rest, ok := schema["additionalProperties"].(map[string]any); ok {
			a.compare(path+"{}", rest, typ.Elem())
		}
	}
}

func (a *agreement) object(path string, properties map[string]any, typ reflect.Type) {
	fields := map[string]reflect.Type{}
	for field := range typ.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get(a.tag), ",")
		if name == "-" { // computed from others
			continue
		}
		if name == "" {
			a.t.Errorf("%s: field %s has no %s name", path, field.Name, a.tag)
		}
		if name != "-" { // it is no part of the document
			fields[name] = field.Type
		}
	}
	inSchema, inGo := slices.Sorted(maps.Keys(properties)), slices.Sorted(maps.Keys(fields))
	if !slices.Equal(inSchema, inGo) {
		a.t.Errorf("%s: the schema has %v, Go has %v", path, inSchema, inGo)
		return
	}
	for name, typ := range fields {
		a.compare(path+"."+name, properties[name].(map[string]any), typ)
	}
}

func (a *agreement) resolve(schema map[string]any) map[string]any {
	ref, ok := schema["$ref"].(string)
	if !ok {
		return schema
	}
	return a.root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
}

func TestEverySchemaCompiles(t *testing.T) {
	t.Parallel()
	for _, kind := range schemas.Kinds() {
		if _, err := schemas.Compile(kind); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if _, err := schemas.Compile("nothing"); err == nil || !strings.Contains(schemas.Hints(err)[0], "rollout") {
		t.Errorf("error %v, want one that lists the kinds", err)
	}
}

// TestSchemasAreShared has a schema asked for by many at once: all get the one
// that was compiled, and may use it side by side.
func TestSchemasAreShared(t *testing.T) {
	t.Parallel()
	doc, err := schemas.ParseDocument("lockstep.yaml", []byte("version: 1\nruntime: {limits: {max_clients: many}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() {
			one, err := schemas.Compile(schemas.KindPolicy)
			if err != nil {
				t.Error(err)
				return
			}
			if other, _ := schemas.Compile(schemas.KindPolicy); other != one {
				t.Error("it was compiled twice")
			}
			if found := one.Check(doc).Violations; len(found) == 0 {
				t.Error("a word was taken for a number")
			}
		})
	}
	users.Wait()
	for _, version := range schemas.PikoVersions() {
		one, err := version.Schema()
		if other, _ := version.Schema(); err != nil || one != other {
			t.Errorf("v%s: the schema was compiled twice: %v", version, err)
		}
	}
}

// TestEverySchemaClosed makes sure that a typo is never taken for an extension.
func TestEverySchemaClosed(t *testing.T) {
	t.Parallel()
	for _, kind := range schemas.Kinds() {
		text, err := schemas.Text(kind)
		if err != nil {
			t.Fatal(err)
		}
		var root any
		if err := json.Unmarshal(text, &root); err != nil {
			t.Fatal(err)
		}
		walk(root, func(schema map[string]any) {
			if schema["properties"] != nil && schema["additionalProperties"] == nil {
				t.Errorf("%s: an object is open: %v", kind, slices.Sorted(maps.Keys(schema)))
			}
			for _, soup := range []string{"oneOf", "anyOf", "not", "if"} {
				if schema[soup] != nil {
					t.Errorf("%s: %s gives messages that nobody can act on", kind, soup)
				}
			}
		})
	}
}

// walk visits every schema in a JSON Schema document.
func walk(value any, visit func(map[string]any)) {
	switch v := value.(type) {
	case map[string]any:
		if _, isSchema := v["type"].(string); isSchema {
			visit(v)
		}
		for _, child := range v {
			walk(child, visit)
		}
	case []any:
		for _, child := range v {
			walk(child, visit)
		}
	}
}
