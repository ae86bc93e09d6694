package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

// served is a `lockstep run` in a process of its own, which logs events to a
// directory, in front of an upstream that takes everything.
type served struct {
	t    *testing.T
	dir  string
	cmd  *exec.Cmd
	addr string

	mu  sync.Mutex
	log bytes.Buffer
	end chan struct{} // of the log
}

// servedKeys are the secrets of key/demo/k1 and so on.
func servedKeys() map[string]string {
	return map[string]string{"k1": "canary-1-0123456789", "k2": "canary-2-0123456789"}
}

// newServed writes the files of a listener whose key k1 is enforced beside k2,
// which observes; policy is what stands below `runtime:`.
func newServed(t *testing.T, runtime string) *served {
	t.Helper()
	up := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(up.Close)
	s := &served{t: t, dir: t.TempDir()}
	if err := os.Mkdir(s.path("log"), 0o700); err != nil {
		t.Fatal(err)
	}
	for id, secret := range servedKeys() {
		s.write(id, secret)
	}
	s.write("agent.yaml", fmt.Sprintf("listeners:\n  - {endpoint_id: svc, addr: %q, timeout: 10s}\n", up.URL))
	s.write("policy.yaml", "version: 1\nlisteners:\n  svc: {auth: apollo, app_from: apollo}\nenvironments:\n  eu: {tier: staging}\nruntime: "+runtime+"\n")
	s.write("rollout.yaml", `version: 1
environment: eu
tier: staging
subjects:
  key/demo/k1: {mode: enforce, since: 2026-01-01T00:00:00Z, secret: "file:k1"}
  key/demo/k2: {mode: observe, since: 2026-01-01T00:00:00Z, secret: "file:k2"}
`)
	return s
}

func (s *served) path(name string) string { return filepath.Join(s.dir, name) }

// write saves by renaming.
func (s *served) write(name, text string) {
	s.t.Helper()
	err := os.WriteFile(s.path(name+".tmp"), []byte(text), 0o600)
	if err := errors.Join(err, os.Rename(s.path(name+".tmp"), s.path(name))); err != nil {
		s.t.Fatal(err)
	}
}

// start starts the process and waits until it serves.
func (s *served) start() {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = &exec.Cmd{Path: self, Args: []string{
		"lockstep", "run", "--config", s.path("agent.yaml"), "--policy", s.path("policy.yaml"), "--rollout", s.path("rollout.yaml"),
		"--listen", "127.0.0.1:0", "--events", s.path("log"), "--node", "n1",
	}}
	stderr, err := s.cmd.StderrPipe()
	if err := errors.Join(err, s.cmd.Start()); err != nil {
		s.t.Fatal(err)
	}
	process, end := s.cmd.Process, make(chan struct{})
	s.end = end
	s.t.Cleanup(func() { _ = process.Kill(); <-end })
	go func() { defer close(end); s.read(stderr) }()
	s.eventually("address", func() bool { return s.address() != "" })
}

// read takes in the log of the process, which says where it serves.
func (s *served) read(stderr io.Reader) {
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		var line struct{ Msg, Addr string }
		_ = json.Unmarshal(lines.Bytes(), &line)
		s.mu.Lock()
		s.log.Write(append(lines.Bytes(), '\n'))
		if line.Msg == "serving" {
			s.addr = line.Addr
		}
		s.mu.Unlock()
	}
}

// address is where the process serves; empty if it does not, or not yet.
func (s *served) address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

func (s *served) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// stop ends the process by a signal and returns its exit status.
func (s *served) stop(signal os.Signal) int {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
	<-s.end
	_ = s.cmd.Wait() // the status tells
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addr = ""
	return s.cmd.ProcessState.ExitCode()
}

func (s *served) eventually(what string, holds func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("no %s in time; the log:\n%s", what, s.logged())
		}
	}
}

// fill leaves so many bytes of room in every file that the process writes, as
// a disk would that is full; "unlimited" is a disk that is not.
func (s *served) fill(room string) {
	s.t.Helper()
	limit := exec.CommandContext(s.t.Context(), "prlimit", fmt.Sprintf("--pid=%d", s.cmd.Process.Pid), "--fsize="+room+":")
	if out, err := limit.CombinedOutput(); err != nil {
		s.t.Fatalf("prlimit, which is part of util-linux: %v\n%s", err, out)
	}
}

// signedBy is a request of a client, signed now with a key, or not at all.
func (s *served) signedBy(key, client string) *http.Request {
	s.t.Helper()
	target := "/configs/demo/default/application?ip=" + client
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.address()+target, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("X-Piko-Endpoint", "svc")
	if key == "" {
		return req
	}
	secret, known := servedKeys()[key]
	if !known {
		secret = "a key that nobody has"
	}
	headers, err := accesskey.Sign(schemas.NewSecret([]byte(secret)), "demo", target, time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Timestamp", headers.Timestamp)
	req.Header.Set("Authorization", headers.Authorization)
	return req
}

// An evidence is what `lockstep migrate evidence` prints.
type evidence struct {
	Coverage struct {
		Unparsed uint64
		Gaps     []struct {
			Node  string
			Lines uint64
			Cut   bool
		}
	}
	Clients []struct {
		Subject, Client, How string
		OK, Fail             uint64
		Reasons              map[string]uint64
	}
}

// evidence runs the real command over all that was logged.
func (s *served) evidence() (e evidence, status int) {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	var out, stderr bytes.Buffer
	cmd := &exec.Cmd{Path: self, Stdout: &out, Stderr: &stderr, Args: []string{
		"lockstep", "migrate", "evidence", "--logs", s.path("log"), "--format", "json",
	}}
	_ = cmd.Run() // the status tells
	if err := json.Unmarshal(out.Bytes(), &e); err != nil {
		s.t.Fatalf("%v\n%s", err, stderr.String())
	}
	return e, cmd.ProcessState.ExitCode()
}

// counts are the evidence as "subject client outcome": ok, or a reason.
func (e *evidence) counts() map[string]uint64 {
	counts := map[string]uint64{}
	for _, c := range e.Clients {
		if c.OK > 0 {
			counts[strings.Join([]string{c.Subject, c.Client, "ok"}, " ")] = c.OK
		}
		for reason, n := range c.Reasons {
			counts[strings.Join([]string{c.Subject, c.Client, reason}, " ")] = n
		}
	}
	return counts
}

// kill ends the process as a power cut does.
func (s *served) kill() { s.stop(syscall.SIGKILL) }
