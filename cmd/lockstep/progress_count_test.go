package main

import (
	"io"
	"strings"
	"testing"
	"time"
)

// TestCounting: what takes long is shown on one line, which is gone in the
// end; what does not is not shown at all.
func TestCounting(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	shown := startCounting(w, "probed", 3, 10*time.Millisecond)
	shown.add()
	text := make([]byte, 256)
	for seen := ""; !strings.Contains(seen, "\r\x1b[Kprobed 1 of 3"); {
		n, err := r.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		seen += string(text[:n])
	}
	rest := make(chan string)
	go func() {
		all, _ := io.ReadAll(r)
		rest <- string(all)
	}()
	shown.stop()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if all := <-rest; !strings.HasSuffix(all, "\r\x1b[K") {
		t.Errorf("it ends in %q", all)
	}
	var quick strings.Builder
	startCounting(&quick, "probed", 1, time.Hour).stop()
	if quick.Len() > 0 {
		t.Errorf("something that is over at once shows %q", quick.String())
	}
}
