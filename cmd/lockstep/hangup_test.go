package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A running is a `lockstep run` that serves one config, as a process.
type running struct {
	t      *testing.T
	config string
	cmd    *exec.Cmd
	log    *bufio.Scanner
}

func startRun(t *testing.T, env ...string) *running {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, config: filepath.Join(t.TempDir(), "agent.yaml")}
	r.save("listeners:\n  - {endpoint_id: svc, addr: 127.0.0.1:9, timeout: 5s}\n")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	r.cmd = exec.CommandContext(ctx, self)
	r.cmd.Args = []string{"lockstep", "run", "--listen", "127.0.0.1:0", "--config", r.config}
	r.cmd.Env = append(os.Environ(), env...)
	stderr, err := r.cmd.StderrPipe()
	if err == nil {
		err = r.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	r.log = bufio.NewScanner(stderr)
	r.logged("serving")
	return r
}

func (r *running) save(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.config, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *running) signal(s syscall.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// logged reads the log up to a message, or to the end of the process, which
// comes after a minute at the latest.
func (r *running) logged(message string) {
	r.t.Helper()
	for r.log.Scan() {
		if strings.Contains(r.log.Text(), `"msg":"`+message+`"`) {
			return
		}
	}
	r.t.Fatalf("%q is not logged", message)
}

// TestHangup: the signal that ends other processes has this one read its files
// again, and say again what is wrong with them.
func TestHangup(t *testing.T) {
	t.Parallel()
	r := startRun(t)
	r.signal(syscall.SIGHUP)
	r.logged("asked to read the files again")
	r.save("listeners: nonsense\n")
	r.logged("rejected, the last good version stays")
	for range 2 {
		r.signal(syscall.SIGHUP)
		r.logged("asked to read the files again")
		r.logged("rejected, the last good version stays")
	}
	r.signal(syscall.SIGTERM)
	r.logged("stopping")
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}
