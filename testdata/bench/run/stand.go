package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The cores of this benchmark. A proxy has one for itself; whatever loads it
// and answers it has the other.
const (
	proxyCore = "0"
	loadCore  = "1"
)

// A stand is a directory with the tools, and the processes that run in it.
type stand struct {
	dir      string
	lockstep string // path of the program
	caddy    string // the same; empty: do without
	running  []*process
}

func newStand(ctx context.Context, short bool) (*stand, error) {
	if runtime.NumCPU() < 2 {
		return nil, errors.New("two cores are needed: one for the proxy and one for its load")
	}
	if err := install(ctx, "nginx", "wrk"); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "lockstep-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	s := &stand{dir: dir, lockstep: filepath.Join(dir, "lockstep")}
	err = build(ctx, s.lockstep, filepath.Join("..", "..", ".."), "./cmd/lockstep")
	if err == nil && !short {
		err = s.buildCaddy(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// install has Debian's packages put in what is missing, where it may.
func install(ctx context.Context, tools ...string) error {
	var missing []string
	for _, name := range tools {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	list := strings.Join(missing, " ")
	if _, err := exec.LookPath("apt-get"); err != nil || os.Getuid() != 0 {
		return fmt.Errorf("not installed: %s; `apt-get install %s` does it", list, list)
	}
	for _, argv := range [][]string{{"update", "-q"}, append([]string{"install", "-qy", "--no-install-recommends"}, missing...)} {
		if text, err := exec.CommandContext(ctx, "apt-get", argv...).CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w\n%s", argv[0], err, text)
		}
	}
	return nil
}

// build makes a static program as `make build` does.
func build(ctx context.Context, program, module, path string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-C", module, "-trimpath", "-ldflags=-s -w", "-o", program, path)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", path, err, text)
	}
	return nil
}

// caddyVersion is the one that go.mod requires.
const caddyVersion = "v2.11.9"

// buildCaddy takes minutes the first time, so what it makes is kept.
func (s *stand) buildCaddy(ctx context.Context) error {
	cache, err := os.UserCacheDir()
	if err != nil {
		return fmt.Errorf("find a place for caddy: %w", err)
	}
	s.caddy = filepath.Join(cache, "lockstep-bench", "caddy-"+caddyVersion+"-"+runtime.Version())
	if _, err := os.Stat(s.caddy); err == nil {
		return nil
	}
	fresh := filepath.Join(s.dir, "caddy")
	if err := build(ctx, fresh, ".", "github.com/caddyserver/caddy/v2/cmd/caddy"); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.caddy), 0o755); err != nil {
		return fmt.Errorf("keep caddy: %w", err)
	}
	if err := os.Rename(fresh, s.caddy); err != nil {
		s.caddy = fresh // on another file system: there is always the next time
	}
	return nil
}

// close stops every process and removes the directory.
func (s *stand) close() error {
	var errs []error
	for _, p := range s.running {
		errs = append(errs, p.stop())
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// write puts a file into the directory and returns its path.
func (s *stand) write(name, text string) (string, error) {
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	return path, nil
}

// A process is a server pinned to one core.
type process struct {
	name string
	addr string
	cmd  *exec.Cmd
	log  string // path
}

// start starts a server and waits until it accepts connections at addr.
func (s *stand) start(ctx context.Context, core, name, addr string, argv ...string) (*process, error) {
	log, err := os.Create(filepath.Join(s.dir, name+".log"))
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer log.Close()
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "taskset", append([]string{"-c", core}, argv...)...) // which becomes the server
	cmd.Env = append(os.Environ(), "HOME="+s.dir, "XDG_CONFIG_HOME="+s.dir, "XDG_DATA_HOME="+s.dir)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &process{name: name, addr: addr, cmd: cmd, log: log.Name()}
	s.running = append(s.running, p)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr); err == nil {
			return p, conn.Close()
		}
	}
	text, err := os.ReadFile(p.log)
	return nil, errors.Join(fmt.Errorf("%s does not accept connections:\n%s", name, text), err)
}

func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	_ = p.cmd.Wait() // nginx and caddy die of it, which is no fault
	return nil
}

// cpu is the time that all threads of the process have computed, in the
// kernel too.
func (p *process) cpu() (time.Duration, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/stat")
	if err != nil {
		return 0, fmt.Errorf("cpu of %s: %w", p.name, err)
	}
	// The fields after the name, which is in parentheses: utime and stime are
	// the 12th and 13th, in hundredths of a second.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err1, err2)
}

// resident is the memory of the process in megabytes of a million bytes.
func (p *process) resident() (float64, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/statm")
	if err != nil {
		return 0, fmt.Errorf("memory of %s: %w", p.name, err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	return float64(pages*os.Getpagesize()) / 1e6, err
}

// freeAddr is an address of this machine that nobody listens on.
func freeAddr(ctx context.Context) (string, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free address: %w", err)
	}
	return ln.Addr().String(), ln.Close()
}
