package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A footprint is what a process took.
type footprint struct {
	Status int
	Memory int64         // bytes, the most at once
	Time   time.Duration // of processors
}

// A meter runs programs and says what they took, by way of a process in
// between, see testdata/measured.
type meter struct{ program, report string }

func newMeter(t *testing.T) meter {
	t.Helper()
	dir := t.TempDir()
	m := meter{filepath.Join(dir, "measured"), filepath.Join(dir, "footprint.json")}
	goBuild(t, m.program, "./testdata/measured")
	return m
}

// goBuild builds a program as it is shipped.
func goBuild(t *testing.T, program, source string) {
	t.Helper()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
}

// run runs a program to its end, or to that of ctx.
func (m meter) run(ctx context.Context, t *testing.T, program string, args ...string) (out []byte, took footprint) {
	t.Helper()
	cmd := exec.CommandContext(ctx, m.program, append([]string{m.report, program}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v, nothing was measured\n%.500s", args, err, out)
	}
	text, err := os.ReadFile(m.report)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &took); err != nil {
		t.Fatal(err)
	}
	return out, took
}
