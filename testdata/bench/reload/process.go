package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A process is a server that the bench has started.
type process struct {
	cmd  *exec.Cmd
	said *output
	done chan struct{} // closed when it has ended
}

// start starts a server and waits until it takes connections at addr.
func start(ctx context.Context, addr, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, name, args...), said: &output{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = 10 * time.Second
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr); err == nil {
			return p, conn.Close()
		}
		select {
		case <-p.done:
			return nil, fmt.Errorf("%s has ended: %s", name, p.said)
		default:
		}
	}
	p.stop()
	return nil, fmt.Errorf("%s does not listen: %s", name, p.said)
}

func (p *process) signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// stop ends the process, which has ten seconds for it.
func (p *process) stop() {
	_ = p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// memory is what the process holds of the machine's, in MiB.
func (p *process) memory() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if kib, found := strings.CutPrefix(line, "VmRSS:"); found {
			n, err := strconv.ParseFloat(strings.Fields(kib)[0], 64)
			return n / 1024, err
		}
	}
	return 0, errors.New("memory: this system does not tell it")
}

// worked is the time of CPUs that the process has had.
func (p *process) worked() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("work: %w", err)
	}
	const utime, stime, tick = 11, 12, 10 * time.Millisecond // after the name, see proc(5)
	_, after, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(after)
	user, userErr := strconv.Atoi(fields[utime])
	system, systemErr := strconv.Atoi(fields[stime])
	return time.Duration(user+system) * tick, errors.Join(userErr, systemErr)
}

// freeAddr is an address on which nobody listens. It is none that the system
// gives to a connection: between two looks, those change hands.
func freeAddr(ctx context.Context) (string, error) {
	const first, ports, tries = 15_000, 15_000, 100
	for range tries {
		addr := "127.0.0.1:" + strconv.Itoa(first+rand.IntN(ports)) //nolint:gosec // any will do
		if l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", errors.New("find a free port: there is none")
}

// output is what a process has said last.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements [io.Writer].
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.buf.Len() > 1<<20 {
		o.buf.Reset()
	}
	return o.buf.Write(p)
}

// String returns the last 4 KiB.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := o.buf.String()
	return text[max(0, len(text)-4096):]
}
