package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/lint"
)

// cacheIn opens the cache in a directory.
func cacheIn(dir string) *resultCache {
	k := &resultCache{dir: dir, fresh: map[digest][]byte{}}
	k.known = k.load()
	return k
}

// TestCacheHits: a result comes back as it was, and only where nothing has
// changed.
func TestCacheHits(t *testing.T) {
	t.Parallel()
	dir, ca := t.TempDir(), filepath.Join(t.TempDir(), "ca.pem")
	write(t, ca, "one")
	want := result{reports: []*lint.Report{fill[lint.Report](t)}}
	judged := 0
	ask := func(k *resultCache, f inputFile, text string) result {
		return k.result(f, []byte(text), fileTree{}, func(files fileReader) result {
			judged++
			for _, name := range []string{ca, ca + ".none"} {
				if _, err := files.read(name); err != nil && name == ca {
					t.Error(err)
				}
			}
			if _, err := files.stat(ca); err != nil {
				t.Error(err)
			}
			return want
		})
	}
	f := inputFile{path: "a.yaml", named: true}
	for i, step := range []struct {
		name   string
		change func()
		file   inputFile
		text   string
		judged bool
	}{
		{"first", func() {}, f, "a", true},
		{"again", func() {}, f, "a", false},
		{"other text", func() {}, f, "b", true},
		{"other path", func() {}, inputFile{path: "b.yaml", named: true}, "a", true},
		{"come across", func() {}, inputFile{path: "a.yaml", named: false}, "a", true},
		{"other certificate", func() { write(t, ca, "two") }, f, "a", true},
		{"again", func() {}, f, "a", false},
		{"other permissions", func() { chmod(t, ca, 0o644) }, f, "a", true},
		{"a certificate that was not there", func() { write(t, ca+".none", "it is there now") }, f, "a", true},
	} {
		step.change()
		k, before := cacheIn(dir), judged
		if diff := cmp.Diff(want.reports, ask(k, step.file, step.text).reports); diff != "" {
			t.Errorf("%d %s: the result has changed:\n%s", i, step.name, diff)
		}
		if got := judged > before; got != step.judged {
			t.Errorf("%d %s: judged is %v, want %v", i, step.name, got, step.judged)
		}
		if err := k.save(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCacheKeepsNoErrors: what could not be judged is tried again.
func TestCacheKeepsNoErrors(t *testing.T) {
	t.Parallel()
	k := cacheIn(t.TempDir())
	fault := errors.New("not base64")
	r := k.result(inputFile{path: "a", named: true}, nil, fileTree{}, func(fileReader) result { return result{err: fault} })
	if !errors.Is(r.err, fault) || len(k.fresh) > 0 {
		t.Errorf("error %v, %d results kept", r.err, len(k.fresh))
	}
	if err := k.save(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(k.path()); err == nil {
		t.Error("a cache without results was written")
	}
}

// write makes text the content of a file.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// fill sets every field of a value, so that one which gets lost shows.
func fill[T any](t *testing.T) *T {
	t.Helper()
	var value T
	fillValue(t, reflect.ValueOf(&value).Elem())
	return &value
}

func fillValue(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString("<text & 'more'>")
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fillValue(t, v.Index(i))
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fillValue(t, key)
		fillValue(t, value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillValue(t, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				t.Fatalf("%s.%s is not exported: the cache would lose it", v.Type(), v.Type().Field(i).Name)
			}
			fillValue(t, v.Field(i))
		}
	default:
		t.Fatalf("fill %s", v.Type())
	}
}

// TestCacheKnowsTheInput fails when a check depends on something new: put it
// into the space or the key of the cache, then add it here.
func TestCacheKnowsTheInput(t *testing.T) {
	t.Parallel()
	known := []string{
		"Path", "Within", "Document", "Checked", "Err", "ManifestTier", "Manifest", // in the key, as the file's path and text
		"Tier", "Policy", "Rollout", "Handshakes", "Baseline", "Files", "Inventory", // in the space, as flags and documents
		"Now",              // in the space, as a day
		"ReadFile", "Stat", // by the digest of each file
		"Expansion", "Since", "Probes", "Journal", "Others", "Served", // with these there is no cache
	}
	for field := range reflect.TypeFor[lint.Input]().Fields() {
		if !slices.Contains(known, field.Name) {
			t.Errorf("the cache does not know lint.Input.%s", field.Name)
		}
	}
}

// TestDamagedCache flips each byte and cuts at each length: what is still
// read is what was written.
func TestDamagedCache(t *testing.T) {
	t.Parallel()
	k := cacheIn(t.TempDir())
	for _, name := range []string{"a", "b", "c"} {
		k.remember(keyOf(inputFile{path: name, named: true}, nil), cachedResult{Reports: []*lint.Report{{Path: name}}})
	}
	if err := k.save(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(k.path())
	if err != nil {
		t.Fatal(err)
	}
	if got := k.load(); !reflect.DeepEqual(got, k.fresh) {
		t.Fatalf("read %d results, want 3", len(got))
	}
	for i := range whole {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 0x10
		for _, damaged := range [][]byte{flipped, whole[:i]} {
			write(t, k.path(), string(damaged))
			got := k.load()
			if len(got) > 2 {
				t.Errorf("damage at %d went unnoticed", i)
			}
			for key, entry := range got {
				if !bytes.Equal(entry, k.fresh[key]) {
					t.Errorf("damage at %d: a result has changed", i)
				}
			}
		}
	}
}

// TestPrune removes what was written first, and nothing of others.
func TestPrune(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i, name := range []string{"lint-old.cache", "other", "lint-mid.cache", "lint-new.cache"} {
		path := filepath.Join(dir, name)
		write(t, path, "")
		if err := errors.Join(os.Truncate(path, cacheLimit/2), os.Chtimes(path, time.Time{}, time.Unix(int64(i), 0))); err != nil {
			t.Fatal(err)
		}
	}
	if err := prune(dir); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join(dir, "lint-mid.cache"), filepath.Join(dir, "lint-new.cache"), filepath.Join(dir, "other")}
	if !slices.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
}

// TestCacheSpaces: runs that may differ in a finding share no results, and
// runs that cannot do.
func TestCacheSpaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		write(t, path, text)
		return path
	}
	const secret = "hunter2-hunter2"
	config := file("agent.yaml", "listeners: [{endpoint_id: e, addr: '80', timeout: 1s}]\nconnect: {token: "+secret+", url: 'http://h'}\n")
	policy := file("lockstep.yaml", "version: 1\nrules: {S301: {production: warning}}\n")
	cache := filepath.Join(dir, "cache")
	day := time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC)
	run := func(now time.Time, args ...string) (spaces int) {
		t.Helper()
		p := &process{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }, now: func() time.Time { return now }}
		args = slices.Concat([]string{"lockstep", "lint", "--cache", cache, "--exit-zero"}, args, []string{config})
		if status := p.run(t.Context(), args); status != statusOK {
			t.Fatalf("%v: exit status %d", args, status)
		}
		files, err := filepath.Glob(filepath.Join(cache, "lint-*.cache"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			if text, err := os.ReadFile(path); err != nil || bytes.Contains(text, []byte(secret)) || !bytes.Contains(text, []byte("S302")) {
				t.Errorf("%v: the cache holds no findings, or a secret (%v)", args, err)
			}
		}
		return len(files)
	}
	for i, step := range []struct {
		spaces int
		now    time.Time
		args   []string
	}{
		{1, day, nil},
		{1, day, []string{"--fail-on", "info", "-o", "json"}},
		{2, day, []string{"--tier", "production"}},
		{3, day, []string{"--policy", policy}},
		{4, day, []string{"--tier", "staging"}},
		{4, day.Add(30 * time.Minute), nil},
		{5, day.Add(2 * time.Hour), nil},
		{5, day.Add(26 * time.Hour), []string{"--no-cache"}},
	} {
		if got := run(step.now, step.args...); got != step.spaces {
			t.Errorf("step %d, %v: %d spaces, want %d", i, step.args, got, step.spaces)
		}
	}
	file("lockstep.yaml", "version: 1\nrules: {S301: {production: info}}\n")
	if got := run(day, "--policy", policy); got != 6 {
		t.Errorf("another policy: %d spaces, want 6", got)
	}
}
