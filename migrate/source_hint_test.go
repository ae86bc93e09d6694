package migrate

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHintingFile reads a file from a place on: nothing is missing, and hints
// are ahead of what was read, but no further than they should be.
func TestHintingFile(t *testing.T) {
	t.Parallel()
	const from = 12345
	text := strings.Repeat("0123456789abcdef", (hintAhead+hintBytes)/8)
	file, err := os.Open(writeFile(t, filepath.Join(t.TempDir(), "log"), text))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	in, got := newHintingFile(file, from), []byte(nil)
	for buffer := make([]byte, blockBytes); ; {
		before := in.at
		n, err := in.Read(buffer)
		got = append(got, buffer[:n]...)
		if ahead := in.hinted - before; ahead < hintAhead || ahead >= hintAhead+hintBytes {
			t.Fatalf("at %d, hints end %d bytes ahead", before, ahead)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if string(got) != text[from:] || in.at != int64(len(text)) {
		t.Errorf("read %d bytes up to %d of %d", len(got), in.at, len(text))
	}
}
