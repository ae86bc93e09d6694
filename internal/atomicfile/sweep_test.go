package atomicfile

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSweep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, now := filepath.Join(dir, "f"), time.Now()
	if err := Write(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	kept := map[string]bool{}
	for _, file := range []struct {
		name string
		age  time.Duration
		kept bool
	}{
		{".lockstep-" + rand.Text(), 2 * time.Hour, false},
		{".lockstep-" + rand.Text(), 30 * 24 * time.Hour, false},
		{".lockstep-" + rand.Text(), 30 * time.Minute, true},
		{".lockstep-" + rand.Text(), -2 * time.Hour, true},
		{".lockstep-cache", 2 * time.Hour, true},
		{"x.lockstep-" + rand.Text(), 2 * time.Hour, true},
	} {
		at := filepath.Join(dir, file.name)
		kept[at] = file.kept
		if err := errors.Join(os.WriteFile(at, nil, 0o600), os.Chtimes(at, now, now.Add(-file.age))); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := errors.Join(os.Symlink(path, link), Sweep(link)); err != nil {
		t.Fatal(err)
	}
	for at, want := range kept {
		if _, err := os.Lstat(at); (err == nil) != want {
			t.Errorf("%s: error %v, kept should be %v", at, err, want)
		}
	}
	if err := Sweep(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want %v", err, fs.ErrNotExist)
	}
}
