package lint_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/lint"
	"lockstep/schemas"
)

// TestCheckedBefore has a document that was judged already get the same report
// as one that was not, for all cases of the rules.
func TestCheckedBefore(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join("..", "testdata", "lint", "*", "*.yaml"))
	if err != nil || len(paths) < 100 {
		t.Fatalf("%d cases, %v", len(paths), err)
	}
	checker, err := lint.NewChecker()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := schemas.Piko09.Schema()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		in := lint.Input{Path: path, ReadFile: os.ReadFile}
		if in.Document, in.Err = schemas.ParseDocument(path, source); in.Err != nil {
			continue
		}
		want, wantErr := checker.Check(in)
		in.Checked = schema.Check(in.Document)
		got, err := checker.Check(in)
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (wantErr == nil) {
			t.Errorf("%s: %v, not %v; report (-alone +judged before):\n%s", path, err, wantErr, diff)
		}
	}
}
