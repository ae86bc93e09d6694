package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockstep/runtime/pikolink/pikotest"
)

// lockstep is a call of this program.
func lockstep(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &exec.Cmd{Path: self, Args: append([]string{"lockstep"}, args...), Env: os.Environ()}
}

// TestRunPiko serves through a Piko server, and ctl tells how that stands.
func TestRunPiko(t *testing.T) {
	t.Parallel()
	piko := pikotest.Start(t, pikotest.Options{Token: "canary-token"})
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer up.Close()
	dir := t.TempDir()
	config, socket := filepath.Join(dir, "agent.yaml"), "unix:"+filepath.Join(dir, "ctl.sock")
	text := fmt.Sprintf("log: {level: error}\nconnect: {url: %q, token: canary-token}\nlisteners:\n  - {endpoint_id: svc, addr: %q, timeout: 10s}\n", piko.URL, up.URL)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	run := lockstep(t, "run", "--config", config, "--piko", "auto", "--admin", socket, "--node", "n1")
	run.Stderr = &log
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	defer run.Process.Kill() //nolint:errcheck // it has ended by then
	saysStatus(t, socket, "svc       1", "good, registered at piko")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, piko.Proxy, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Piko-Endpoint", "svc")
	if resp, err := http.DefaultTransport.RoundTrip(req); err != nil || resp.StatusCode != http.StatusTeapot || resp.Body.Close() != nil {
		t.Errorf("through piko: %+v, %v", resp, err)
	}
	piko.Refuse(http.StatusUnauthorized)
	piko.Rebalance()
	status := saysStatus(t, socket, "not registered at piko", "401 Unauthorized", "(exit status 1)")
	if !strings.Contains(status, "hint: check connect.token") {
		t.Error(status)
	}
	if err := errors.Join(run.Process.Signal(syscall.SIGTERM), run.Wait()); err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String()+status, "canary") {
		t.Error("the token was printed")
	}
	if strings.Contains(log.String(), `"INFO"`) || strings.Contains(log.String(), `"WARN"`) {
		t.Errorf("the config logs errors only:\n%s", log.String())
	}
}

// saysStatus waits until `ctl status` says all of these, and returns what it
// says.
func saysStatus(t *testing.T, socket string, want ...string) string {
	t.Helper()
	var said string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		out, err := lockstep(t, "ctl", "status", "--admin", socket).CombinedOutput()
		if said = string(out); err != nil {
			said += fmt.Sprintf("(%v)", err)
		}
		missing := false
		for _, text := range want {
			missing = missing || !strings.Contains(said, text)
		}
		if !missing {
			return said
		}
	}
	t.Fatalf("ctl status says:\n%s", said)
	return ""
}
