package runtime

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestSurveySees every way in which a path can come to lead to other content,
// and nothing of what happens beside it.
func TestSurveySees(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) error { return os.WriteFile(at(name), []byte(text), 0o600) }
	swap := func(target string) error {
		if err := os.Symlink(target, at("tmp")); err != nil {
			return fmt.Errorf("link: %w", err)
		}
		return os.Rename(at("tmp"), at("data"))
	}
	for _, step := range []struct {
		what    string
		do      func() error
		changed bool
	}{
		{"nothing is there", func() error { return nil }, false},
		{"a directory appears", func() error { return os.MkdirAll(at("1"), 0o700) }, false},
		{"a link appears", func() error { return swap("1") }, true},
		{"the file appears", func() error { return write("1/f", "one") }, true},
		{"a file beside it", func() error { return write("1/log", "x") }, false},
		{"a file beside it grows", func() error { return write("1/log", "xyz") }, false},
		{"written in place", func() error { return write("1/f", "two") }, true},
		{"its time alone", func() error { return os.Chtimes(at("1/f"), time.Time{}, time.Unix(1, 1)) }, true},
		{"its mode alone", func() error { return os.Chmod(at("1/f"), 0) }, true},
		{"another name", func() error { return os.Link(at("1/f"), at("1/g")) }, true},
		{"its copy at another place", func() error { return os.CopyFS(at("2"), os.DirFS(at("1"))) }, false},
		{"the link leads there", func() error { return swap("2") }, true},
		{"the same by another name", func() error { return swap("./2") }, true},
		{"the directory is replaced", func() error { return os.Rename(at("1"), at("old")) }, false},
		{"the directory is lost", func() error { return os.Rename(at("2"), at("1")) }, true},
		{"a directory in its place", func() error { return os.MkdirAll(at("2/f"), 0o700) }, true},
	} {
		before := newSurvey([]string{at("data/f")}, time.Now(), os.Lstat)
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		after := newSurvey([]string{at("data/f")}, time.Now(), os.Lstat)
		if before.equal(after) == step.changed {
			t.Errorf("%s: changed is %t", step.what, !step.changed)
		}
	}
}

// TestNothingNew: a hint long after the last change that was seen is about
// nothing if the stamps are the same; one right after has to be believed.
func TestNothingNew(t *testing.T) {
	t.Parallel()
	changed := time.Unix(1000, 0)
	fine := &survey{stamps: map[string]stamp{"f": {ctime: 1_500_000_001}}}
	coarse := &survey{stamps: map[string]stamp{"f": {ctime: 2_000_000_000}}}
	other := &survey{stamps: map[string]stamp{"f": {ctime: 3}}}
	for _, test := range []struct {
		seen, now *survey
		after     time.Duration
		want      bool
	}{
		{fine, fine, -time.Millisecond, false},
		{fine, fine, 0, false},
		{fine, fine, fineGrain - 1, false},
		{fine, fine, fineGrain, true},
		{coarse, coarse, fineGrain, false},
		{coarse, coarse, coarseGrain, true},
		{fine, other, -time.Hour, false},
		{fine, other, time.Hour, false},
	} {
		a := &applier{seen: test.seen, changed: changed}
		if got := a.nothingNew(test.now, changed.Add(test.after)); got != test.want {
			t.Errorf("%v, %v, %v after: %t", test.seen.stamps, test.now.stamps, test.after, got)
		}
	}
}

// TestSince believes a stamp only if it can be of the change that was found.
func TestSince(t *testing.T) {
	t.Parallel()
	const slack = 25 * time.Millisecond
	taken := time.Unix(1000, 0)
	for name, test := range map[string]struct{ stamped, want time.Duration }{
		"a while before the look":   {-10 * time.Millisecond, -6 * time.Millisecond},
		"within a tick of the look": {-2 * time.Millisecond, 0},
		"long before, as nothing":   {-time.Second, 0},
		"just too long before":      {-slack - clockTick, 0},
		"a clock that is ahead":     {time.Hour, 0},
	} {
		s := &survey{taken: taken, stamps: map[string]stamp{
			"old": {ctime: 1}, "young": {ctime: taken.Add(test.stamped).UnixNano()},
		}}
		if got := s.since(slack).Sub(taken); got != test.want {
			t.Errorf("%s: %v from the look, want %v", name, got, test.want)
		}
	}
}
