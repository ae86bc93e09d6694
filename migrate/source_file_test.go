package migrate

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

func writeFile(tb testing.TB, path, content string) string {
	tb.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

func gzipped(t *testing.T, content string) string {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

// readAll returns "file:line text" for each line, with its marks.
func readAll(t *testing.T, patterns ...string) ([]string, error) {
	t.Helper()
	files, err := NewFiles(patterns, strings.NewReader("typed\n"))
	if err != nil {
		return nil, err
	}
	var lines []string
	for block, err := range files.Blocks(t.Context()) {
		if err != nil {
			return lines, err
		}
		lines = append(lines, marked(block)...)
	}
	return lines, nil
}

// marked lists the lines of a block as "file:line text" with their marks.
func marked(block Block) []string {
	name, number := filepath.Base(block.File), block.Number
	if block.Long {
		return []string{fmt.Sprintf("%s:%d <long>%s", name, number, openMark(block))}
	}
	var lines []string
	for line := range strings.Lines(block.Text) {
		lines = append(lines, fmt.Sprintf("%s:%d %s%s", name, number, strings.TrimRight(line, "\r\n"), openMark(block)))
		number++
	}
	return lines
}

func openMark(block Block) string {
	if block.Open {
		return "<open>"
	}
	return ""
}

func TestFilesLines(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	longest := strings.Repeat("x", MaxLine)
	writeFile(t, filepath.Join(dir, "b.jsonl"), "one\r\n\ntwo")
	writeFile(t, filepath.Join(dir, "a.jsonl.1.gz"), gzipped(t, "packed\n"))
	writeFile(t, filepath.Join(dir, "c.jsonl"), longest+"\n"+longest+"y\nafter\n")
	writeFile(t, filepath.Join(dir, "d.jsonl"), strings.Repeat("z", 2*MaxLine))
	writeFile(t, filepath.Join(dir, "e.jsonl"), "")
	for link, target := range map[string]string{"0-link": "b.jsonl", "z-link": "c.jsonl"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(dir, "c.jsonl"), filepath.Join(dir, "z-hard")); err != nil {
		t.Fatal(err)
	}
	got, err := readAll(t, filepath.Join(dir, "*"), filepath.Join(dir, "b.*"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"0-link:1 one", "0-link:2 ", "0-link:3 two<open>",
		"a.jsonl.1.gz:1 packed",
		"c.jsonl:1 " + longest, "c.jsonl:2 " + longest + "y", "c.jsonl:3 after",
		"d.jsonl:1 <long><open>",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines differ (-want +got):\n%.2000s", diff)
	}
}

func TestFilesRefuse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "empty", ".hidden"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "empty", ".hidden", "log"), "line\n")
	zipped := gzipped(t, strings.Repeat("a line\n", 1000))
	writeFile(t, filepath.Join(dir, "zstd"), "\x28\xb5\x2f\xfd rest")
	writeFile(t, filepath.Join(dir, "torn.gz"), zipped[:len(zipped)-9])
	writeFile(t, filepath.Join(dir, "begun.gz"), zipped[:6])
	writeFile(t, filepath.Join(dir, "bad.gz"), "\x1f\x8b\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	if err := os.Symlink("nowhere", filepath.Join(dir, "dangling")); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		patterns []string
		want     string
	}{
		"nothing named":  {nil, "there are no logs to read"},
		"no match":       {[]string{dir + "/none*"}, "there is no such file"},
		"bad glob":       {[]string{dir + "/[a"}, "not a glob"},
		"an empty one":   {[]string{dir + "/empty"}, "there is no file in it"},
		"a fifo":         {[]string{dir + "/fifo"}, "it is not a regular file"},
		"a device":       {[]string{"/dev/null"}, "it is not a regular file"},
		"a dead link":    {[]string{dir + "/dangling"}, "no such file"},
		"not quite zstd": {[]string{dir + "/zstd"}, "zstd: "},
		"cut short":      {[]string{dir + "/torn.gz"}, "torn.gz: unexpected EOF"},
		"just begun":     {[]string{dir + "/begun.gz"}, "begun.gz: unexpected EOF"},
		"not quite gzip": {[]string{dir + "/bad.gz"}, "bad.gz: gzip: invalid header"},
	}
	for name, test := range tests {
		_, err := readAll(t, test.patterns...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
		if short, told := strings.HasSuffix(test.want, "unexpected EOF"), strings.Contains(strings.Join(schemas.Hints(err), ""), "copy it again"); short != told {
			t.Errorf("%s: hints %q", name, schemas.Hints(err))
		}
	}
}

// What took the place of a file after it was found is looked at again.
func TestFilesRefuseWhatBecameAnother(t *testing.T) {
	t.Parallel()
	path := writeFile(t, filepath.Join(t.TempDir(), "log"), "line\n")
	files, err := NewFiles([]string{path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Gather(t.Context(), files, Options{Dialect: eventDialect{}}); err == nil || !strings.Contains(err.Error(), "there is no such file") {
		t.Errorf("a file that is gone: error %v, want a refusal", err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Gather(t.Context(), files, Options{Dialect: eventDialect{}}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a fifo: error %v, want a refusal", err)
	}
}

func TestFilesLinesStop(t *testing.T) {
	t.Parallel()
	path := writeFile(t, filepath.Join(t.TempDir(), "log"), "1\n2\n3\n")
	files, err := NewFiles([]string{path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for block, err := range files.Blocks(t.Context()) {
		if err != nil || block.Number > 1 {
			t.Fatalf("line %d, error %v, want to stop after the first", block.Number, err)
		}
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Gather(ctx, files, Options{Dialect: eventDialect{}}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}
