package lint_test

import (
	"os"
	"path/filepath"
	"testing"

	"lockstep/lint"
	"lockstep/schemas"
)

// BenchmarkCheck lints the example config from bytes to findings.
func BenchmarkCheck(b *testing.B) {
	source, err := os.ReadFile(filepath.Join("..", "testdata", "examples", "agent.yaml"))
	if err != nil {
		b.Fatal(err)
	}
	checker, err := lint.NewChecker()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(source)))
	b.ReportAllocs()
	for b.Loop() {
		in := lint.Input{Path: "a.yaml", Tier: schemas.TierProduction}
		in.Document, in.Err = schemas.ParseDocument(in.Path, source)
		if _, err := checker.Check(in); err != nil {
			b.Fatal(err)
		}
	}
}
