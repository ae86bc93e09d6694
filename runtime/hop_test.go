package runtime

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func touch(t *testing.T, file string) {
	t.Helper()
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTrace follows links of files and of directories.
func TestTrace(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"a", "b/real/deep", "c"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	touch(t, filepath.Join(root, "b/real/f"))
	touch(t, filepath.Join(root, "c/twice"))
	if err := os.Link(filepath.Join(root, "c/twice"), filepath.Join(root, "a/hard")); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{
		"a/link": "../b/dirlink/f", "b/dirlink": filepath.Join(root, "b/real"), "c/loop": "loop", "c/broken": "none/f",
		"c/up": "../b/real/deep", "c/over": "up/../f",
	} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string][]string{
		"b/real/f":    {"b", "b/real"},
		"a/link":      {"a", "b", "b/real", "b/real/f"},
		"a/hard":      {".", "a", "a/hard"},
		"c/missing":   {".", "c"},
		"c/x/y/z":     {".", "c"},
		"c/broken":    {".", "c"},
		"c/twice/x":   {".", "c", "c/twice"},
		"b/real/deep": {"b", "b/real"},
		"c/over":      {"b", "b/real", "b/real/f", "c"}, // not c/f, as the names alone would say
	}
	for path, want := range tests {
		s := newSurvey([]string{filepath.Join(root, path)}, time.Now(), os.Lstat)
		var got []string
		for _, watched := range slices.Sorted(maps.Keys(s.watched)) {
			rel, err := filepath.Rel(root, watched)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, rel)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	if s := newSurvey([]string{filepath.Join(root, "c/loop")}, time.Now(), os.Lstat); len(s.watched) > maxLinks+2 {
		t.Errorf("a loop of links gives %d directories", len(s.watched))
	}
}
