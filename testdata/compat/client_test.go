package compat

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A client is a process that runs a real client of Apollo.
type client struct {
	app    string
	secret string // empty: it has none

	mu     sync.Mutex
	values []string // of k, as it was told
	stderr bytes.Buffer
}

// start runs a program with the URL of the config service and the app. The
// process ends with the test.
func (c *client) start(t *testing.T, dir, url, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, append(args, url, c.app)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SECRET="+c.secret)
	cmd.Stderr = writer(func(p []byte) (int, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.stderr.Write(p)
	})
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if value, ok := strings.CutPrefix(lines.Text(), "value "); ok {
				c.mu.Lock()
				c.values = append(c.values, value)
				c.mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() {
		<-done
		_ = cmd.Wait() // it was killed
	})
}

// writer is an [io.Writer].
type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// saw reports whether the client was told a value.
func (c *client) saw(value string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.values, value)
}

// text is what there is to say of the client when a test has failed.
func (c *client) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.app + " was told " + strings.Join(c.values, ", ") + "; it says:\n" + c.stderr.String()
}

// program builds a command of this module or of lockstep.
func program(t *testing.T, module, path string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), filepath.Base(path))
	if text, err := exec.CommandContext(t.Context(), "go", "build", "-C", module, "-o", out, path).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", path, err, text)
	}
	return out
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, about func() string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s in time\n%s", what, about())
		}
	}
}
