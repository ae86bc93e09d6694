package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	app         = "demo"
	environment = "staging-eu"
	node        = "node-1"
)

// A stage is the demo's directory, upstreams and processes.
type stage struct {
	dir       string
	binary    string
	env       []string // of the commands, over that of the demo
	out       io.Writer
	upstreams *upstreams
	server    *server // lockstep run, once it is started
	callers   []*caller
	steady    *steadyCaller
}

// newStage builds lockstep, makes the keys and certificates, starts the
// upstreams, and copies the example documents with the upstreams' ports.
func newStage(ctx context.Context, dir string, out io.Writer) (*stage, error) {
	s := &stage{dir: dir, binary: filepath.Join(dir, "bin", "lockstep"), out: out}
	s.say("Building lockstep.")
	build := exec.CommandContext(ctx, "go", "build", "-o", s.binary, "lockstep/cmd/lockstep")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, text)
	}
	var err error
	if s.upstreams, err = startUpstreams(s.path("ca.pem")); err != nil {
		return nil, err
	}
	s.callers = newCallers()
	if err := s.write("demo.key", secretOfDemo+"\n"); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if err := s.copyExamples(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// copyExamples takes testdata/examples with two changes: the ports of this
// run, and a rollout that has observed for 30 days.
func (s *stage) copyExamples(ctx context.Context) error {
	since := time.Now().UTC().AddDate(0, 0, -historyDays).Format(time.RFC3339)
	change := strings.NewReplacer(
		"localhost:7080", s.upstreams.config.Addr(), "localhost:7443", s.upstreams.orders.Addr(),
		"2026-10-22T00:00:00Z", since,
	)
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	for _, name := range []string{"agent.yaml", "lockstep.yaml", "rollout.yaml", "inventory.yaml"} {
		text, err := os.ReadFile(filepath.Join(root, "testdata", "examples", name))
		if err != nil {
			return fmt.Errorf("copy example: %w", err)
		}
		if err := s.write(name, change.Replace(string(text))); err != nil {
			return err
		}
	}
	return nil
}

// moduleRoot is the directory of go.mod, above the working directory.
func moduleRoot(ctx context.Context) (string, error) {
	text, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(text))), nil
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

func (s *stage) write(name, text string) error {
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// close ends everything the demo started.
func (s *stage) close() error {
	var errs []error
	if s.steady != nil {
		s.steady.stop()
	}
	if s.server != nil {
		errs = append(errs, s.server.stop())
	}
	if s.upstreams != nil {
		errs = append(errs, s.upstreams.close())
	}
	return errors.Join(errs...)
}

// say tells what happens next.
func (s *stage) say(format string, args ...any) {
	fmt.Fprintf(s.out, "\n# "+format+"\n", args...)
}

// note adds a line of what the demo itself saw.
func (s *stage) note(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }
