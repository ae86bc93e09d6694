package atomicfile

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReplaceCleansUp makes the rename fail, which Write does not let happen:
// the target is a directory, as if it had come after the look at it.
func TestReplaceCleansUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	if err := os.Mkdir(target, 0o700); err != nil {
		t.Fatal(err)
	}
	err := replace(target, writeX, 0o600, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "replace the file: ") {
		t.Errorf("got %v, want a rename that fails", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("got %v and %v, want the target alone", entries, err)
	}
}

// TestFillSaysWhatFailed gives it a file that cannot be written.
func TestFillSaysWhatFailed(t *testing.T) {
	t.Parallel()
	file, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := fill(file, writeX, nil); err == nil || err.Error() != "write the new content: no space left on device" {
		t.Errorf("got %v, want no space left", err)
	}
}

// TestSyncDir looks at a file system that cannot flush a directory, too.
func TestSyncDir(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{t.TempDir(), "/proc"} {
		if err := SyncDir(dir); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if err := SyncDir(filepath.Join(t.TempDir(), "none")); err == nil || err.Error() != "flush the directory: no such file or directory" {
		t.Errorf("got %v, want no such directory", err)
	}
}

func writeX(to io.Writer) error {
	_, err := io.WriteString(to, "x")
	return err
}
