package migrate

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Packed logs that are unpacked side by side say the same as one after the other.
func TestUnpackSideBySide(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 21))
		dir := t.TempDir()
		for i := range 12 {
			text := authLines(random, random.IntN(3000))
			switch i {
			case 4:
				text = zstandard(t, text)
			case 5: // as it is
			default:
				text = gzipped(t, text)
			}
			writeFile(t, filepath.Join(dir, fmt.Sprintf("n1.log.%02d", i)), text)
		}
		opts := Options{Dialect: gatewayDialect(t, gateway()), Memory: 1 << (14 + random.IntN(10))}
		if seed%2 == 0 {
			opts.Store, opts.Now = filepath.Join(t.TempDir(), "store"), ticking(commitAfter/time.Duration(1+random.IntN(8)))
		}
		reference := opts
		reference.simple, reference.Store = true, ""
		want, got := gathered(t, []string{dir}, reference), sideBySide(t, dir, opts)
		if diff := cmp.Diff(report(t, want), report(t, got)); diff != "" || want.Coverage != got.Coverage {
			t.Errorf("coverage %+v, want %+v, evidence (-one after the other +side by side):\n%.3000s", got.Coverage, want.Coverage, diff)
		}
		if t.Failed() {
			t.Fatalf("seed %d, %+v", seed, opts)
		}
	}
}

func sideBySide(t *testing.T, dir string, opts Options) *Evidence {
	t.Helper()
	files, err := NewFiles([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	files.unpackers = 3
	e, err := Gather(t.Context(), files, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// Of several packed logs that cannot be read, the first one is told of, though
// it takes longest to find out.
func TestUnpackSideBySideFails(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 22))
	long := gzipped(t, authLines(random, 20_000))
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a.gz"), gzipped(t, authLines(random, 10)))
	writeFile(t, filepath.Join(dir, "b.gz"), long[:len(long)-9])
	for _, name := range []string{"c.gz", "d.gz"} {
		short := gzipped(t, authLines(random, 100))
		writeFile(t, filepath.Join(dir, name), short[:len(short)-8]+strings.Repeat("x", 8))
	}
	for range 10 {
		files, err := NewFiles([]string{dir}, nil)
		if err != nil {
			t.Fatal(err)
		}
		files.unpackers = 3
		_, err = Gather(t.Context(), files, Options{Dialect: gatewayDialect(t, gateway())})
		if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "b.gz") {
			t.Fatalf("error %v, want that b.gz ends too early", err)
		}
	}
}
