package compat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// A front is `lockstep run` before config services, with its files.
type front struct {
	t       *testing.T
	program string
	dir     string
	nodes   []string // URLs of the config services
	apps    []string

	mu      sync.Mutex
	log     bytes.Buffer
	reloads int
}

// startFront starts lockstep for apps that all have one key, and has the
// balancer lead to it.
func startFront(t *testing.T, b *balancer, nodes []string, secrets map[string]string) *front {
	t.Helper()
	f := &front{t: t, program: program(t, "../..", "./cmd/lockstep"), dir: t.TempDir(), nodes: nodes}
	for app, secret := range secrets {
		f.apps = append(f.apps, app)
		f.write(app+".key", secret)
	}
	if err := os.Mkdir(f.path("events"), 0o700); err != nil {
		t.Fatal(err)
	}
	f.write("lockstep.yaml", fmt.Sprintf(`version: 1
listeners:
  apollo: {auth: apollo, app_from: apollo, apollo_public_url: %q}
environments:
  fat: {tier: staging}
runtime: {flush_interval: 100ms}
`, b.URL))
	f.mode("observe")
	f.reload()
	cmd := exec.Command(f.program, "run", "--config", "agent.yaml", "--policy", "lockstep.yaml", "--rollout", "rollout.yaml",
		"--listen", "127.0.0.1:0", "--events", "events", "--node", "n1")
	cmd.Dir = f.dir
	cmd.Stderr = writer(func(p []byte) (int, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.log.Write(p)
	})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // the clients are gone, or it would say so
	})
	eventually(t, "address", f.text, func() bool { return f.addr() != "" })
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backend = f.addr()
	return f
}

func (f *front) path(name string) string { return filepath.Join(f.dir, name) }

// write saves by renaming.
func (f *front) write(name, text string) {
	f.t.Helper()
	if err := os.WriteFile(f.path(name+".tmp"), []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(f.path(name+".tmp"), f.path(name)); err != nil {
		f.t.Fatal(err)
	}
}

// mode edits the rollout so that all keys are in a mode.
func (f *front) mode(mode string) {
	f.t.Helper()
	text := "version: 1\nenvironment: fat\ntier: staging\nsubjects:\n"
	for _, app := range f.apps {
		text += fmt.Sprintf("  key/%s/k1: {mode: %s, since: 2026-01-01T00:00:00Z, secret: 'file:%s.key'}\n", app, mode, app)
	}
	f.write("rollout.yaml", text)
}

// reload makes another version of the listeners. Their timeout is far below
// the time of a long poll.
func (f *front) reload() {
	f.t.Helper()
	f.reloads++
	text := "grace_period: 1s\nlisteners:\n"
	for _, node := range f.nodes {
		text += fmt.Sprintf("  - {endpoint_id: apollo, addr: %q, timeout: %dms}\n", node, 2000+f.reloads)
	}
	f.write("agent.yaml", text)
}

// run runs a command of lockstep and returns its output.
func (f *front) run(args ...string) string {
	f.t.Helper()
	cmd := exec.CommandContext(f.t.Context(), f.program, args...)
	cmd.Dir = f.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		f.t.Fatalf("%q: %v\n%s%s", args, err, out, stderr.String())
	}
	return string(out)
}

// text is the log so far.
func (f *front) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.String()
}

// addr is where lockstep serves, empty as long as it does not.
func (f *front) addr() string {
	for line := range strings.Lines(f.text()) {
		var said struct{ Msg, Addr string }
		if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "serving" {
			return said.Addr
		}
	}
	return ""
}

// applied counts the versions that were applied.
func (f *front) applied() int { return strings.Count(f.text(), `"msg":"applied"`) }
