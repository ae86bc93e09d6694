package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// command runs lockstep as a person would in the demo's directory, shows
// what it prints, and insists on its exit status.
func (s *stage) command(ctx context.Context, wantStatus int, args ...string) (string, error) {
	text, err := s.quiet(ctx, wantStatus, args...)
	s.note("$ lockstep %s", strings.Join(args, " "))
	fmt.Fprint(s.out, text)
	if err == nil && wantStatus != 0 {
		s.note("(exit status %d)", wantStatus)
	}
	return text, err
}

// quiet is command without the show.
func (s *stage) quiet(ctx context.Context, wantStatus int, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), s.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	status := 0
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			return "", fmt.Errorf("lockstep %s: %w", args[0], err)
		}
		status = exit.ExitCode()
	}
	if status != wantStatus {
		return out.String(), fmt.Errorf("lockstep %s: exit status %d, want %d\n%s", strings.Join(args, " "), status, wantStatus, &out)
	}
	return out.String(), nil
}

// A server is lockstep run as a process of its own.
type server struct {
	cmd     *exec.Cmd
	listen  string // address of the ingress
	metrics string
	log     lockedBuffer
	ended   chan error
}

// serve starts lockstep run and waits until it says where it listens.
func (s *stage) serve(ctx context.Context, args ...string) (*server, error) {
	s.note("$ lockstep %s &", strings.Join(args, " "))
	srv := &server{cmd: exec.Command(s.binary, args...), ended: make(chan error, 1)} //nolint:noctx // stop ends it in an orderly way
	srv.cmd.Dir, srv.cmd.Env = s.dir, append(os.Environ(), s.env...)
	stderr, err := srv.cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("start lockstep run: %w", err)
	}
	if err := srv.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start lockstep run: %w", err)
	}
	ready := make(chan struct{})
	go srv.follow(stderr, ready)
	select {
	case <-ready:
		return srv, nil
	case err = <-srv.ended:
		srv.ended <- err
		return nil, fmt.Errorf("lockstep run ended: %w\n%s", err, srv.log.String())
	case <-ctx.Done():
		return srv, ctx.Err()
	}
}

// follow reads the log until the process ends, and picks the addresses from it.
func (srv *server) follow(stderr io.Reader, ready chan<- struct{}) {
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		srv.log.WriteLine(lines.Text())
		var line struct {
			Msg     string `json:"msg"`
			Addr    string `json:"addr"`
			Metrics string `json:"metrics_addr"`
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
			srv.listen, srv.metrics = line.Addr, line.Metrics
			close(ready)
		}
	}
	srv.ended <- srv.cmd.Wait()
}

// stop asks the process to end and waits for it; it is killed only if it
// does not.
func (srv *server) stop() error {
	if srv.cmd == nil {
		return nil
	}
	_ = srv.cmd.Process.Signal(syscall.SIGTERM)
	defer func() { srv.cmd = nil }()
	select {
	case err := <-srv.ended:
		return err
	case <-time.After(15 * time.Second):
		return errors.Join(errors.New("lockstep run does not stop"), srv.cmd.Process.Kill())
	}
}

// A lockedBuffer is written by one goroutine and read by another.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

// WriteLine appends a line.
func (b *lockedBuffer) WriteLine(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text.WriteString(line + "\n")
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// until polls check until it holds or ctx ends.
func until(ctx context.Context, what string, check func() (bool, error)) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		ok, err := check()
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("waited in vain until %s", what), err, ctx.Err())
		case <-ticker.C:
		}
	}
}

// readFile reads a file of the stage.
func (s *stage) readFile(name string) (string, error) {
	text, err := os.ReadFile(s.path(name))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return string(text), nil
}
