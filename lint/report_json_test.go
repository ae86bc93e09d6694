package lint_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"lockstep/schemas"
)

// TestJSONSchema holds the published schema of the report against what the
// reporter really writes: the report is valid, and each object in it has the
// properties that the schema describes, no more and no less.
func TestJSONSchema(t *testing.T) {
	t.Parallel()
	text, err := schemas.Text(schemas.KindLintReport)
	if err != nil {
		t.Fatal(err)
	}
	validate(t, "lockstep:lint-report", text, filepath.Join("testdata", "report.json"))
	var root map[string]any
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	a := agreement{t: t, root: root, seen: map[string]bool{}}
	a.compare("report", root, decodeJSON(t, filepath.Join("testdata", "report.json")))
	for _, want := range []string{"report", "report.files[]", "report.files[].piko", "report.findings[]", "report.findings[].start", "report.summary"} {
		if !a.seen[want] {
			t.Errorf("the recorded report has no %s, so nothing was compared", want)
		}
	}
}

// agreement compares a schema with one document.
type agreement struct {
	t    *testing.T
	root map[string]any
	seen map[string]bool
}

func (a *agreement) compare(path string, schema map[string]any, value any) {
	if ref, ok := schema["$ref"].(string); ok {
		schema = a.root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			a.compare(path+"[]", schema["items"].(map[string]any), element)
		}
	case map[string]any:
		a.seen[path] = true
		properties := maps.Clone(schema["properties"].(map[string]any))
		if all, ok := schema["allOf"].([]any); ok {
			for _, part := range all {
				ref := part.(map[string]any)["$ref"].(string)
				maps.Copy(properties, a.root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)["properties"].(map[string]any))
			}
		}
		described, written := slices.Sorted(maps.Keys(properties)), slices.Sorted(maps.Keys(v))
		if !slices.Equal(described, written) {
			a.t.Errorf("%s: the schema has %v, the report %v", path, described, written)
			return
		}
		for name, child := range v {
			a.compare(path+"."+name, properties[name].(map[string]any), child)
		}
	}
}

// validate holds a file against a JSON Schema; nothing is fetched.
func validate(t *testing.T, name string, schema []byte, path string) {
	t.Helper()
	compiled, err := jsonschema.CompileString(name, string(schema))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(decodeJSON(t, path)); err != nil {
		t.Errorf("%s: %#v", path, err)
	}
}

func decodeJSON(t *testing.T, path string) any {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return value
}
