package inputfile_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lockstep/internal/inputfile"
)

func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	full := write(t, dir, "full", bytes.Repeat([]byte("x"), inputfile.Limit))
	link := filepath.Join(dir, "link")
	if err := os.Symlink(full, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{full, link} {
		if data, err := inputfile.Read(path); err != nil || len(data) != inputfile.Limit {
			t.Errorf("%s: %d bytes, %v; want %d", filepath.Base(path), len(data), err, inputfile.Limit)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	large := write(t, dir, "large", bytes.Repeat([]byte("x"), inputfile.Limit+1))
	for path, want := range map[string]string{
		dir: "directory", fifo: "not a regular file", "/dev/zero": "not a regular file", large: "larger than 4 MiB",
	} {
		if _, err := inputfile.Read(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", path, err, want)
		}
	}
	_, err := inputfile.Read(filepath.Join(dir, "none"))
	if !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), dir) {
		t.Errorf("a missing file: error %v, want fs.ErrNotExist without the path", err)
	}
}

// TestReadBelow: no name, absolute path or link leads out of the directory.
func TestReadBelow(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	dir := filepath.Join(top, "dir")
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	secret, inside := write(t, top, "secret", []byte("s")), write(t, filepath.Join(dir, "sub"), "file", []byte("f"))
	for link, target := range map[string]string{"out": "../secret", "absolute": secret, "in": "sub/file", "dirlink": ".."} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for path, good := range map[string]bool{
		"sub/file": true, "in": true, inside: true, "sub/../in": true,
		"../secret": false, secret: false, "out": false, "absolute": false, "dirlink/secret": false, "": false, "/etc/passwd": false,
	} {
		data, err := inputfile.ReadBelow(dir, path)
		if (err == nil) != good || (good && string(data) != "f") {
			t.Errorf("%s: %q, %v", path, data, err)
		}
		if info, err := inputfile.StatBelow(dir, path); (err == nil) != good || (good && info.Size() != 1) {
			t.Errorf("stat %s: %v", path, err)
		}
	}
	if _, err := inputfile.ReadBelow(dir, "sub"); !errors.Is(err, inputfile.ErrDirectory) {
		t.Errorf("a directory: %v", err)
	}
	if _, err := inputfile.ReadBelow(filepath.Join(dir, "none"), "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("below a missing directory: %v", err)
	}
}

func write(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
