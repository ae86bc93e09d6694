package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lockstep/runtime/pikolink/pikotest"
)

// TestRunEnvFile takes a token up that is mended in the file of --env-file.
func TestRunEnvFile(t *testing.T) {
	t.Parallel()
	piko := pikotest.Start(t, pikotest.Options{Token: "canary-token"})
	dir := t.TempDir()
	config, env, socket := filepath.Join(dir, "agent.yaml"), filepath.Join(dir, "piko.env"), "unix:"+filepath.Join(dir, "ctl.sock")
	text := fmt.Sprintf("connect: {url: %q, token: '${LOCKSTEP_TEST_TOKEN}'}\nlisteners:\n  - {endpoint_id: svc, addr: '9', timeout: 10s}\n", piko.URL)
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(config, text)
	write(env, "LOCKSTEP_TEST_TOKEN=canary-old\n")
	var log bytes.Buffer
	run := lockstep(t, "run", "--config", config, "--expand-env", "--env-file", env, "--piko", "auto", "--admin", socket, "--node", "n1")
	run.Stderr = &log
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	defer run.Process.Kill() //nolint:errcheck // it has ended by then
	saysStatus(t, socket, "not registered at piko", "401 Unauthorized")
	write(env, "LOCKSTEP_TEST_TOKEN canary\n")
	status := saysStatus(t, socket, "files: not served", "piko.env:1:1: there is no = in this line", "not registered")
	write(env, "LOCKSTEP_TEST_TOKEN=canary-token\n")
	status += saysStatus(t, socket, "files: served", "good, registered at piko")
	if err := errors.Join(run.Process.Signal(syscall.SIGTERM), run.Wait()); err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String()+status, "canary") {
		t.Error("the token was printed")
	}
}
