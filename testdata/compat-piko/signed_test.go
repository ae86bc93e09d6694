package compat

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// signedTargets are what Apollo's clients ask for, and odder ones.
func signedTargets() []string {
	return []string{
		"/configs/demo/default/application?ip=10.0.0.1&releaseKey=20260101-x", "/notifications/v2?appId=demo&cluster=default&notifications=%5B%7B%22a%22%3A-1%7D%5D",
		"/configfiles/json/demo/default/a%20b?q=%e4%bd%a0+%2B", "/configs/demo/default/x?a;b&c=%zz",
	}
}

// TestSigned has signatures verify behind a real server, and everything else
// refused.
func TestSigned(t *testing.T) {
	t.Parallel()
	kind := lockstepAgent()
	plain := kind.args
	kind.args = func(config string) []string {
		return append(plain(config), "--policy", "lockstep.yaml", "--rollout", "rollout.yaml")
	}
	w := newWorld(t, kind)
	for name, text := range map[string]string{
		"k1": "a secret of demo",
		"lockstep.yaml": "version: 1\nlisteners: {apollo: {auth: apollo, app: demo}}\n" +
			"environments: {fat: {tier: staging}}\n",
		"rollout.yaml": "version: 1\nenvironment: fat\ntier: staging\nsubjects:\n" +
			"  key/demo/k1: {mode: enforce, since: 2026-01-01T00:00:00Z, secret: \"file:k1\"}\n",
	} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	up := w.upstream(named("here"))
	if err := w.begin("  - {endpoint_id: apollo, addr: \""+up+"\", timeout: 5s}\n", "apollo"); err != nil {
		t.Fatal(err)
	}
	for _, target := range signedTargets() {
		header := w.sign(target)
		if err := w.send(target, "apollo.example.com", header.Get("Authorization"), header.Get("Timestamp")); err != nil {
			t.Errorf("%s: %v", target, err)
		}
		if err := w.send(target+"x", "apollo.example.com", header.Get("Authorization"), header.Get("Timestamp")); err == nil || !strings.Contains(err.Error(), "401") {
			t.Errorf("%s with the signature of another: %v", target, err)
		}
	}
}

// sign asks lockstep for the headers of a request.
func (w *world) sign(target string) http.Header {
	w.t.Helper()
	cmd := exec.Command(programs.lockstep, "sign", "http://apollo.example.com"+target, "--app", "demo", "--secret", "file:k1")
	cmd.Dir = w.dir
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatal(fmt.Errorf("sign: %w", err))
	}
	header := http.Header{}
	for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		header.Set(name, value)
	}
	return header
}
