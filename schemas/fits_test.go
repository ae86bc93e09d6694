package schemas

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// holdFits makes sure, for one document and one schema, that what the fast
// walk passes the validator would pass as well, and that an agent config is
// decoded from its tree as it is from its text.
func holdFits(t *testing.T, v PikoVersion, schema *Schema, doc *Document) (passed bool) {
	t.Helper()
	if doc == nil || doc.Root == nil {
		return false
	}
	source := doc.Source
	checked := schema.Check(doc)
	passed = misfits(checked.root, schema.compiled) == 0
	if passed {
		if err := schema.compiled.Validate(checked.root.value()); err != nil {
			t.Errorf("the walk passes what the validator refuses: %v\n%s", err, source)
		}
	}
	fast, fastErr := checked.DecodeAgent(v)
	slow, slowErr := v.DecodeAgent(doc)
	if diff := cmp.Diff(slow, fast, cmp.Comparer(func(a, b Secret) bool { return string(a.value) == string(b.value) })); diff != "" || (fastErr == nil) != (slowErr == nil) {
		t.Errorf("decoded from the tree %v, from the text %v\n%s\n%s", fastErr, slowErr, diff, source)
	}
	return passed
}

// documents parses source as it is, and with variables put in; nil is what
// cannot be parsed.
func documents(source []byte) (doc, expanded *Document) {
	doc, _ = ParseDocument("f.yaml", source)
	if e, err := Expand(source, func(name string) string { return name + ": 1\n  b: [x]" }); err == nil {
		expanded, _ = ParseExpanded("f.yaml", e)
	}
	return doc, expanded
}

// pikoCases are the recorded configs.
func pikoCases(tb testing.TB) [][]byte {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "testdata", "piko", "cases", "*.yaml"))
	if err != nil || len(paths) != 116 {
		tb.Fatalf("%d cases, %v; want 116", len(paths), err)
	}
	cases := make([][]byte, len(paths))
	for i, path := range paths {
		if cases[i], err = os.ReadFile(path); err != nil {
			tb.Fatal(err)
		}
	}
	return cases
}

func compileAgent(tb testing.TB) *Schema {
	tb.Helper()
	schema, err := Compile(KindAgent)
	if err != nil {
		tb.Fatal(err)
	}
	return schema
}

func TestFitsIsNoLaxerThanTheValidator(t *testing.T) {
	t.Parallel()
	for _, v := range PikoVersions() {
		schema, err := v.Schema()
		if err != nil {
			t.Fatal(err)
		}
		passed := 0
		for _, source := range pikoCases(t) {
			doc, expanded := documents(source)
			if holdFits(t, v, schema, doc) {
				passed++
			}
			holdFits(t, v, schema, expanded)
		}
		if passed < 60 {
			t.Errorf("the walk passes %d of the cases for %s, so it saves little", passed, v)
		}
	}
}

// TestFitsKnowsItsLimits makes sure that a keyword the walk does not know is
// left to the validator.
func TestFitsKnowsItsLimits(t *testing.T) {
	t.Parallel()
	it := &item{node: &yaml.Node{Kind: yaml.ScalarNode}, scalar: "x"}
	schema := compileAgent(t).compiled.Properties["log"].Properties["level"]
	if misfits(it, schema) == 0 {
		t.Error("passes a text that is not in the enum")
	}
	it.scalar = "info"
	if misfits(it, schema) != 0 {
		t.Error("does not pass a text that is in the enum")
	}
	strange := *schema
	strange.MaxLength = 2
	if misfits(it, &strange) == 0 {
		t.Error("passes a keyword that it does not know")
	}
}

func FuzzFits(f *testing.F) {
	for _, source := range pikoCases(f) {
		f.Add(source)
	}
	schemas := map[PikoVersion]*Schema{}
	for _, v := range []PikoVersion{Piko07, Piko09} {
		schema, err := v.Schema()
		if err != nil {
			f.Fatal(err)
		}
		schemas[v] = schema
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		doc, expanded := documents(source)
		for v, schema := range schemas {
			holdFits(t, v, schema, doc)
			holdFits(t, v, schema, expanded)
		}
	})
}
