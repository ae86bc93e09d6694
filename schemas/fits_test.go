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
func holdFits(t *testing.T, schema *Schema, source []byte) (passed bool) {
	t.Helper()
	doc, err := ParseDocument("f.yaml", source)
	if err != nil || doc.Root == nil {
		return false
	}
	checked := schema.Check(doc)
	passed = fits(checked.root, schema.compiled)
	if passed {
		if err := schema.compiled.Validate(checked.root.value()); err != nil {
			t.Errorf("the walk passes what the validator refuses: %v\n%s", err, source)
		}
	}
	fast, fastErr := checked.DecodeAgent()
	slow, slowErr := DecodeAgent(doc)
	if diff := cmp.Diff(slow, fast, cmp.Comparer(func(a, b Secret) bool { return string(a.value) == string(b.value) })); diff != "" || (fastErr == nil) != (slowErr == nil) {
		t.Errorf("decoded from the tree %v, from the text %v\n%s\n%s", fastErr, slowErr, diff, source)
	}
	return passed
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
	schema := compileAgent(t)
	passed := 0
	for _, source := range pikoCases(t) {
		if holdFits(t, schema, source) {
			passed++
		}
	}
	if passed < 60 {
		t.Errorf("the walk passes %d of the cases, so it saves little", passed)
	}
}

// TestFitsKnowsItsLimits makes sure that a keyword the walk does not know is
// left to the validator.
func TestFitsKnowsItsLimits(t *testing.T) {
	t.Parallel()
	it := &item{node: &yaml.Node{Kind: yaml.ScalarNode}, scalar: "x"}
	schema := compileAgent(t).compiled.Properties["log"].Properties["level"]
	if fits(it, schema) {
		t.Error("passes a text that is not in the enum")
	}
	it.scalar = "info"
	if !fits(it, schema) {
		t.Error("does not pass a text that is in the enum")
	}
	strange := *schema
	strange.MaxLength = 2
	if fits(it, &strange) {
		t.Error("passes a keyword that it does not know")
	}
}

func FuzzFits(f *testing.F) {
	for _, source := range pikoCases(f) {
		f.Add(source)
	}
	schema := compileAgent(f)
	f.Fuzz(func(t *testing.T, source []byte) { holdFits(t, schema, source) })
}
