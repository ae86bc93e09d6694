package main

import (
	"strings"
	"testing"
	"time"
)

// A bar shows from the third second on, not more often than the eye can see,
// and leaves nothing behind.
func TestProgress(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var out strings.Builder
	p := newProgress(&out, 4_000_000_000, func() time.Time { return now })
	for done := int64(0); done <= 4_000_000_000; done += 10_000_000 {
		p.update(done)
		now = now.Add(10 * time.Millisecond)
	}
	p.clear()
	lines := strings.Split(out.String(), "\r\x1b[K")
	if len(lines) != 13 || lines[0] != "" || lines[12] != "" {
		t.Fatalf("%d pieces: %q", len(lines), lines)
	}
	if want := "[###############               ]  50% of 4.0 GB, 1.0 GB/s, 2s left"; lines[1] != want {
		t.Errorf("%q, want %q", lines[1], want)
	}
}

func TestProgressOfWhatIsShort(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var out strings.Builder
	p := newProgress(&out, 0, func() time.Time { return now })
	now = now.Add(1900 * time.Millisecond)
	p.update(5)
	p.clear()
	if out.String() != "" {
		t.Errorf("%q for less than two seconds", out.String())
	}
	now = now.Add(100 * time.Millisecond)
	p.update(3000)
	if want := "\r\x1b[K3.0 kB, 1.5 kB/s"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
