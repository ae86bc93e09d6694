package apollo

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/migrate"
)

// BenchmarkGather folds a log that is in the page cache and has little but
// failures, as on the first day on which keys are observed.
func BenchmarkGather(b *testing.B) {
	lines, _ := traffic(rand.New(rand.NewPCG(1, 2)), 100_000)
	path := filepath.Join(b.TempDir(), "apollo-configservice.log")
	text := strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	d := shanghai(b)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		files, err := migrate.NewFiles([]string{path}, nil)
		if err != nil {
			b.Fatal(err)
		}
		e, err := migrate.Gather(b.Context(), files, migrate.Options{Dialect: d})
		if err != nil {
			b.Fatal(err)
		}
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
