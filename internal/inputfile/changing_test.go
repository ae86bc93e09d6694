package inputfile_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"lockstep/internal/inputfile"
)

// busy has a writer write all the time until the test is over.
func busy(t *testing.T, write func(round int) error) {
	t.Helper()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for round := 0; ; round++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := write(round); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
}

// TestReadIsOfOneMoment: what is saved in place all the time is read as one of
// the contents it had, or as the beginning of one, and never as two in one.
func TestReadIsOfOneMoment(t *testing.T) {
	t.Parallel()
	path := write(t, t.TempDir(), "f", nil)
	busy(t, func(round int) error {
		size := 1<<20 + round%2 // on old kernels times alone may not tell
		return os.WriteFile(path, bytes.Repeat([]byte{byte('a' + round%2)}, size), 0o600)
	})
	seen := map[byte]bool{}
	for n := 0; n < 40 || len(seen) < 2; {
		data, err := inputfile.Read(path)
		if err != nil || len(data) == 0 {
			continue
		}
		if n := bytes.Count(data, data[:1]); n != len(data) {
			t.Fatalf("%d bytes of %c and %d of others", n, data[0], len(data)-n)
		}
		seen[data[0]] = true
		n++
	}
}

// TestReadGivesUp on a file that is appended to without end.
func TestReadGivesUp(t *testing.T) {
	t.Parallel()
	path := write(t, t.TempDir(), "f", make([]byte, inputfile.Limit/2))
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	busy(t, func(round int) error {
		_, err := file.WriteAt([]byte{1}, int64(round%inputfile.Limit/2))
		return err
	})
	for range 1000 {
		if _, err := inputfile.Read(path); err != nil {
			if !strings.Contains(err.Error(), "written to all the time") {
				t.Error(err)
			}
			return
		}
	}
	t.Error("every look found the file whole")
}
