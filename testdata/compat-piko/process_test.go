package compat

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// programs are what is built once: Piko's, and ours.
var programs struct{ piko, lockstep string }

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "compat-piko")
	if err == nil {
		programs.piko, programs.lockstep = filepath.Join(dir, "piko"), filepath.Join(dir, "lockstep")
		err = build(programs.piko, ".", "github.com/andydunstall/piko")
	}
	if err == nil {
		err = build(programs.lockstep, "../..", "./cmd/lockstep")
	}
	status := 1
	if err == nil {
		status = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	_ = os.RemoveAll(dir)
	os.Exit(status)
}

func build(to, dir, path string) error {
	cmd := exec.Command("go", "build", "-o", to, path)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", path, err, out)
	}
	return nil
}

// An agent is a program that does the same as another, and how it is called.
type agent struct {
	name string
	args func(config string) []string // with the program first
}

func pikoAgent() agent {
	return agent{"piko agent v0.7.0", func(config string) []string {
		return []string{programs.piko, "agent", "start", "--config.path", config, "--server.bind-addr", "127.0.0.1:0"}
	}}
}

func lockstepAgent() agent {
	return agent{"lockstep", func(config string) []string {
		return []string{programs.lockstep, "run", "--config", config, "--piko", "auto", "--node", "n1"}
	}}
}

// A process is a program that runs until the end of the test.
type process struct {
	*exec.Cmd
	ended chan struct{}

	mu  sync.Mutex
	out bytes.Buffer
}

func start(t testing.TB, dir string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(args[0], args[1:]...), ended: make(chan struct{})}
	p.Dir, p.Stdout, p.Stderr = dir, p, p
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.Wait(); close(p.ended) }()
	t.Cleanup(p.kill)
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

// over reports whether the program has ended.
func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

func (p *process) kill() {
	_ = p.Process.Kill()
	<-p.ended
}

// terminate asks for the end, and returns before it comes.
func (p *process) terminate() error { return p.Process.Signal(syscall.SIGTERM) }

// A world is a Piko server, and an agent with its config.
type world struct {
	t      testing.TB
	kind   agent
	dir    string
	ports  [4]string // of the server: proxy, upstream, admin, gossip
	secret string    // that tokens are signed with; empty: agents need none
	server *process
	agent  *process
}

func newWorld(t testing.TB, kind agent) *world {
	t.Helper()
	w := &world{t: t, kind: kind, dir: t.TempDir()}
	for i := range w.ports {
		w.ports[i] = freePort()
	}
	return w
}

var lastPort atomic.Int64 // that was chosen

// freePort is an address that nobody listens at, and that no connection gets
// meanwhile: Linux takes the ports of those from 32768 on. A server that is
// killed needs its own again.
func freePort() string {
	const first, count = 20_000, 12_000
	for {
		next := int64(os.Getpid())*101 + lastPort.Add(1) // two runs begin at different places, as a rule
		addr := fmt.Sprintf("127.0.0.1:%d", first+next%count)
		if ln, err := net.Listen("tcp", addr); err == nil {
			_ = ln.Close()
			return addr
		}
	}
}

// serve starts the server, with room for long polls.
func (w *world) serve() error {
	args := []string{
		programs.piko, "server", "--usage.disable",
		"--proxy.bind-addr", w.ports[0], "--upstream.bind-addr", w.ports[1], "--admin.bind-addr", w.ports[2],
		"--cluster.gossip.bind-addr", w.ports[3],
		"--proxy.timeout", "150s", "--proxy.http.read-timeout", "150s", "--proxy.http.write-timeout", "150s",
	}
	if w.secret != "" {
		args = append(args, "--upstream.auth.hmac-secret-key", w.secret)
	}
	w.server = start(w.t, w.dir, args...)
	err := w.eventually("server", func() bool { _, err := w.endpoints(); return err == nil || w.server.over() })
	if err == nil && w.server.over() {
		err = fmt.Errorf("the server has ended: %s", w.server.said())
	}
	return err
}

// connect is the part of a config that says where the server is.
func (w *world) connect(token string) string {
	return fmt.Sprintf("connect: {url: \"http://%s\", token: %q, timeout: 10s}\ngrace_period: 10s\n", w.ports[1], token)
}

// write saves the config of the agent by renaming.
func (w *world) write(config string) error {
	path := filepath.Join(w.dir, "agent.yaml")
	if err := os.WriteFile(path+".tmp", []byte(config), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

// begin starts server and agent with listeners, and waits for endpoints.
func (w *world) begin(listeners string, endpoints ...string) error {
	if err := w.serve(); err != nil {
		return err
	}
	if err := w.write(w.connect("") + "listeners:\n" + listeners); err != nil {
		return err
	}
	w.join()
	for _, endpoint := range endpoints {
		if err := w.registered(endpoint, 1); err != nil {
			return err
		}
	}
	return nil
}

// join starts an agent.
func (w *world) join() { w.agent = start(w.t, w.dir, w.kind.args("agent.yaml")...) }

// endpoints are how many sessions the server has for each.
func (w *world) endpoints() (all map[string]int, err error) {
	resp, err := http.Get("http://" + w.ports[2] + "/status/upstream/endpoints")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return all, json.NewDecoder(resp.Body).Decode(&all)
}

func (w *world) registered(endpoint string, count int) error {
	return w.eventually(fmt.Sprintf("%d sessions of %s", count, endpoint), func() bool {
		all, err := w.endpoints()
		return err == nil && all[endpoint] == count
	})
}

// eventually waits until a condition holds.
func (w *world) eventually(what string, holds func() bool) error {
	for deadline := time.Now().Add(15 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			said := ""
			if w.agent != nil {
				said = w.agent.said()
			}
			return fmt.Errorf("no %s in time; the agent says:\n%s", what, said)
		}
	}
	return nil
}

// request is one for an endpoint.
func (w *world) request(ctx context.Context, method, endpoint, target, body string) *http.Request {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+w.ports[0]+target, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("X-Piko-Endpoint", endpoint)
	return req
}
