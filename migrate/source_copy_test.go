package migrate

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// A copy is left out whether it is whole, packed, shorter, or cut within a
// line; what only begins in the same way is not.
func TestFilesLeaveOutCopies(t *testing.T) {
	t.Parallel()
	short := "one\ntwo\n"
	var b strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&b, "line %d of a log that is longer than a block\n", i)
	}
	long := b.String()
	for name, test := range map[string]struct {
		files  map[string]string
		want   []string
		copies uint64
	}{
		"the same":              {map[string]string{"a": long, "b": long}, []string{"a"}, 1},
		"packed":                {map[string]string{"a": long, "b": gzipped(t, long), "c": zstandard(t, long)}, []string{"a"}, 2},
		"shorter":               {map[string]string{"a": long[:len(long)/2], "b": long}, []string{"b"}, 1},
		"shorter, packed later": {map[string]string{"a": gzipped(t, long), "b": long[:700_000]}, []string{"a"}, 1},
		"less than the head":    {map[string]string{"a": short, "b": short + "three\n", "c": short[:5]}, []string{"b"}, 2},
		"other lines":           {map[string]string{"a": short + "x\n", "b": short + "y\n"}, []string{"a", "b"}, 0},
		"other lines, late":     {map[string]string{"a": long + "x\n", "b": long + "y\n", "c": long}, []string{"a", "b"}, 1},
		"all short":             {map[string]string{"a": "1\n", "b": "2\n", "c": "1\n2\n"}, []string{"b", "c"}, 1},
		"empty":                 {map[string]string{"a": "", "b": "", "c": short}, []string{"a", "b", "c"}, 0},
		"three generations":     {map[string]string{"a": long[:2000], "b": long[:900_000], "c": long}, []string{"c"}, 2},
	} {
		dir := t.TempDir()
		for file, content := range test.files {
			writeFile(t, filepath.Join(dir, file), content)
		}
		files, err := NewFiles([]string{dir}, nil)
		if err == nil {
			err = files.place()
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []string
		for _, log := range files.logs {
			if log.state == logUnread {
				got = append(got, filepath.Base(log.path))
			}
		}
		var c Coverage
		files.coverage(&c)
		if diff := cmp.Diff(test.want, got); diff != "" || c.Copies != test.copies {
			t.Errorf("%s: %d copies, logs differ (-want +got):\n%s", name, c.Copies, diff)
		}
	}
}

// A directory stands for the files below it, hidden ones left out.
func TestFilesWalk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i, path := range []string{"a/1", "a/b/2", ".hidden/3", "a/.4", "5"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, path), fmt.Sprintf("%d\n", i))
	}
	got, err := readAll(t, dir, "-")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"-:1 typed", "5:1 4", "1:1 0", "2:1 1"}, got); diff != "" {
		t.Errorf("lines differ (-want +got):\n%s", diff)
	}
}

// What is piped in may be packed, too. Where it is cut off it cannot be read.
func TestFilesUnpackStandardInput(t *testing.T) {
	t.Parallel()
	text := logLines(1, 9000)
	for name, packed := range map[string]string{"gzip": gzipped(t, text), "zstd": zstandard(t, text)} {
		for whole, piped := range map[bool]string{true: packed, false: packed[:len(packed)/2]} {
			files, err := NewFiles([]string{"-"}, strings.NewReader(piped))
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for block, blockErr := range files.Blocks(t.Context()) {
				got.WriteString(block.Text)
				err = blockErr
			}
			if whole && (err != nil || got.String() != text) || !whole && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s, whole %t: %d of %d bytes, error %v", name, whole, got.Len(), len(text), err)
			}
		}
	}
}

// However a log arrives, its blocks are its lines, and every block knows where
// it ends.
func TestBlocks(t *testing.T) {
	t.Parallel()
	for seed := range uint64(15) {
		random := rand.New(rand.NewPCG(seed, 4))
		var text strings.Builder
		for range random.IntN(40) {
			length := []int{0, 3, 200, 20_000, blockBytes, MaxLine - 1, MaxLine}[random.IntN(7)]
			text.WriteString(strings.Repeat(string(rune('a'+random.IntN(26))), length) + "\n")
		}
		text.WriteString([]string{"", "open", strings.Repeat("z", MaxLine)}[random.IntN(3)])
		checkBlocks(t, seed, text.String(), random)
	}
}

func checkBlocks(t *testing.T, seed uint64, text string, random *rand.Rand) {
	t.Helper()
	in := io.Reader(strings.NewReader(text))
	if random.IntN(2) == 0 {
		in = iotest.HalfReader(iotest.DataErrReader(in))
	}
	r := blockReader{in: in}
	number, joined := 1, ""
	for {
		block, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || block.Number != number || block.Long {
			t.Fatalf("seed %d: block at line %d, want %d, %v", seed, block.Number, number, err)
		}
		joined += block.Text
		number += strings.Count(block.Text, "\n")
		want := position{int64(len(joined)), number - 1, joined[max(len(joined)-tailBytes, 0):]}
		if block.Open {
			before := joined[:len(joined)-len(block.Text)]
			want = position{int64(len(before)), number - 1, before[max(len(before)-tailBytes, 0):]}
		}
		if block.end != want {
			t.Fatalf("seed %d: the block ends at %d, line %d, want %d, line %d", seed, block.end.Offset, block.end.Lines, want.Offset, want.Lines)
		}
	}
	if joined != text {
		t.Fatalf("seed %d: %d bytes of %d", seed, len(joined), len(text))
	}
}
