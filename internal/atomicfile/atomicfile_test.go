package atomicfile_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"lockstep/internal/atomicfile"
)

func TestWriteNewFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "new.yaml")
	write(t, path, "content", 0o400)
	check(t, path, "content", 0o400)
	checkAlone(t, dir, "new.yaml")
}

func TestWriteKeepsMode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "old.yaml")
	for _, mode := range []fs.FileMode{0o600, 0o644, 0o666, 0o400} {
		if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		write(t, path, "new", 0o640)
		check(t, path, "new", mode)
		checkAlone(t, dir, "old.yaml")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWriteKeepsOwner gives the file to somebody else where the process may.
func TestWriteKeepsOwner(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "old.yaml")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 1234, 5678
	}
	if err := os.Chown(path, uid, gid); err != nil {
		t.Fatal(err)
	}
	write(t, path, "new", 0o600)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if stat := info.Sys().(*syscall.Stat_t); int(stat.Uid) != uid || int(stat.Gid) != gid {
		t.Errorf("owner %d:%d, want %d:%d", stat.Uid, stat.Gid, uid, gid)
	}
}

// TestWriteFollowsLinks builds the links of a mounted ConfigMap and some
// worse ones; every link stays, and what it leads to has the new content.
func TestWriteFollowsLinks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		links map[string]string // name → target, $ stands for the root
		path  string
		want  string // the file that is written
	}{
		"plain":           {map[string]string{"link": "real/file"}, "link", "real/file"},
		"absolute":        {map[string]string{"link": "$/real/file"}, "link", "real/file"},
		"chain":           {map[string]string{"a": "b", "b": "real/c", "real/c": "file"}, "a", "real/file"},
		"directory":       {map[string]string{"data": "real", "link": "data/file"}, "link", "real/file"},
		"dangling":        {map[string]string{"link": "real/new"}, "link", "real/new"},
		"up from a link":  {map[string]string{"deep": "real/sub", "link": "deep/../file"}, "link", "real/file"},
		"up in its place": {map[string]string{"deep": "real/sub", "real/sub/link": "../file"}, "deep/link", "real/file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			if err := os.MkdirAll(filepath.Join(root, "real", "sub"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, "real", "file"), []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			for link, target := range c.links {
				if err := os.Symlink(strings.ReplaceAll(target, "$", root), filepath.Join(root, link)); err != nil {
					t.Fatal(err)
				}
			}
			write(t, filepath.Join(root, c.path), "new", 0o600)
			check(t, filepath.Join(root, c.want), "new", 0o600)
			for link := range c.links {
				if info, err := os.Lstat(filepath.Join(root, link)); err != nil || info.Mode()&fs.ModeSymlink == 0 {
					t.Errorf("%s is no link any more: %v", link, err)
				}
			}
		})
	}
}

// TestWriteRelative writes below the working directory, with and without a
// directory in the path.
func TestWriteRelative(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("sub", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"file", "./file2", "sub/file", "sub/../file3"} {
		write(t, path, "content", 0o600)
		check(t, path, "content", 0o600)
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := os.Mkdir(in("directory"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(in("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"loop": "loop", "astray": "nowhere/file"} {
		if err := os.Symlink(target, in(link)); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		in("directory"):              "it is not a regular file",
		in("directory") + "/":        "it is a directory",
		in("pipe"):                   "it is not a regular file",
		in("loop"):                   "too many symbolic links",
		in("astray"):                 "find the directory: no such file or directory",
		in("none/file"):              "find the directory: no such file or directory",
		in("pipe/file"):              "not a directory",
		in(strings.Repeat("x", 300)): "look at the file: file name too long",
		"":                           "it is a directory",
		"/proc/self/file":            "create a file beside it: ",
	} {
		err := atomicfile.Write(path, []byte("x"), 0o600)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
		if err != nil && strings.Contains(err.Error(), dir) {
			t.Errorf("%s: the error names a path, which is for the caller: %v", path, err)
		}
	}
	checkAlone(t, dir, "astray", "directory", "loop", "pipe")
	err := atomicfile.Write(in("none/file"), nil, 0o600)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
}

// TestReadersSeeWholeFiles lets readers look while two writers replace the
// file with contents of different length.
func TestReadersSeeWholeFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	contents := []string{strings.Repeat("a", 100_000), strings.Repeat("b", 50_000)}
	write(t, path, contents[0], 0o600)
	var writers, readers sync.WaitGroup
	stop := make(chan struct{})
	for _, content := range contents {
		writers.Go(func() {
			for range 50 {
				if err := atomicfile.Write(path, []byte(content), 0o600); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				got, err := os.ReadFile(path)
				if err != nil || string(got) != contents[0] && string(got) != contents[1] {
					t.Errorf("a reader sees %d bytes and %v", len(got), err)
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
	checkAlone(t, dir, "file")
}

func write(t *testing.T, path, content string, perm fs.FileMode) {
	t.Helper()
	if err := atomicfile.Write(path, []byte(content), perm); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func check(t *testing.T, path, content string, mode fs.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, []byte(content)) {
		t.Errorf("%s: got %q and %v, want %q", path, got, err, content)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != mode {
		t.Errorf("%s: got mode %v and %v, want %v", path, info.Mode(), err, mode)
	}
}

// checkAlone makes sure that nothing is in dir but names, in order.
func checkAlone(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("in the directory: %q, want %q", got, names)
	}
}
