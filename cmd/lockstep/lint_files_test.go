package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFileTree: the first map that fits a whole path element decides, and
// reading and describing agree on where a file lies.
func TestFileTree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"root/ca.pem", "other/ca.pem"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	maps := []pathMap{{"/etc/piko", filepath.Join(dir, "root")}, {"/etc", filepath.Join(dir, "other")}}
	for _, c := range []struct{ root, path, want string }{
		{"", "/etc/piko/ca.pem", "root/ca.pem"},
		{"", "/etc/piko//x/../ca.pem", "root/ca.pem"},
		{"", "/etc/ca.pem", "other/ca.pem"},
		{"", "/etc/pikoca/ca.pem", ""},
		{"root", "/etc/piko/ca.pem", "root/ca.pem"},
		{"root", "ca.pem", "root/ca.pem"},
		{"root", "/etc/ca.pem", ""},
		{"root", "../other/ca.pem", ""},
	} {
		tree := fileTree{maps: maps}
		if c.root != "" {
			tree.root = filepath.Join(dir, c.root)
		}
		text, err := tree.read(c.path)
		if string(text) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s below %q: read %q, %v; want %q", c.path, c.root, text, err, c.want)
		}
		info, err := tree.stat(c.path)
		if (err == nil) != (c.want != "") || (err == nil && info.Size() != int64(len(c.want))) {
			t.Errorf("%s below %q: stat %v", c.path, c.root, err)
		}
	}
}
