package itest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// A process is an engine that runs until the end of the test.
type process struct {
	*exec.Cmd
	t     testing.TB
	ended chan struct{}
	pid   string // the file that names it, for whoever cleans up after a test that was cut off

	mu  sync.Mutex
	out bytes.Buffer
}

// start runs a program below dir, with what the environment has besides.
func start(t testing.TB, dir string, environment []string, args ...string) *process {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.Command(args[0], args[1:]...), t: t, ended: make(chan struct{}), pid: filepath.Join(dir, "process.pid")}
	p.Dir, p.Stdout, p.Stderr, p.Env = dir, p, p, append(os.Environ(), environment...)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.Wait(); close(p.ended) }()
	t.Cleanup(p.kill)
	if err := os.WriteFile(p.pid, []byte(strconv.Itoa(p.Process.Pid)), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// Write takes what the program says.
func (p *process) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(text)
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

func (p *process) kill() {
	_ = p.Process.Kill()
	<-p.ended
	_ = os.Remove(p.pid)
}

// eventually waits until a condition holds, as long as the program runs.
func (p *process) eventually(what string, holds func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		select {
		case <-p.ended:
			p.t.Fatalf("no %s, it has ended:\n%s", what, p.said())
		default:
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("no %s in time:\n%s", what, p.said())
		}
	}
}

// freePorts finds ports that nobody has. They are below those that the system
// gives to connections, one of which could take a port before a server does.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	for tries := 0; len(ports) < n; tries++ {
		port := 16_000 + rand.IntN(16_000)
		ln, err := net.Listen("tcp", address(port))
		switch {
		case err == nil:
			defer ln.Close() // after all have been chosen
			ports = append(ports, port)
		case tries > 1000:
			t.Fatal(err)
		}
	}
	return ports
}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
