package runtime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/schemas"
)

// newStateWorld is a world with a state directory.
func newStateWorld(tb testing.TB, addr string) *world {
	tb.Helper()
	w := newWorld(tb, addr)
	w.opts.State = w.path("state")
	return w
}

// restart ends the server, and starts one that finds what it has left.
func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.start()
}

// TestLastGoodAcrossRestarts breaks each document, in turn, while nobody
// looks: the next process serves what this one did, says so, and is ready.
func TestLastGoodAcrossRestarts(t *testing.T) {
	t.Parallel()
	for file, broken := range map[string]func(w *world) string{
		"agent.yaml":   func(*world) string { return "listeners: [" },
		"policy.yaml":  func(w *world) string { return strings.Replace(w.read("policy.yaml"), "auth:", "auht:", 1) },
		"rollout.yaml": func(*world) string { return "" },
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			w := newStateWorld(t, echo(t, "up").URL).start()
			w.replace("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
			w.applied(1)
			good := w.read(file)
			w.stop()
			w.write(file, broken(w))
			w.start()
			status := w.server.Status()
			if status.Err == nil || status.Good.Number != 2 || !w.alarmed("version 2 are served from the state directory") {
				t.Errorf("status %+v", status)
			}
			if got, _ := w.get(target); got != http.StatusUnauthorized {
				t.Errorf("unsigned: %d", got)
			}
			if got, body := w.get(target, sign(t, secret1, target)...); got != http.StatusOK {
				t.Errorf("signed: %d %s", got, body)
			}
			if ready, _ := w.ops("/readyz"); ready != http.StatusOK {
				t.Errorf("ready: %d", ready)
			}
			if got := w.metrics()["lockstep_config_last_reload_successful"]; got != "0" {
				t.Errorf("last_reload_successful %s", got)
			}
			w.replace(file, good)
			w.eventually("good file", func() bool { return w.server.Status().Err == nil })
			if got := w.server.Status().Good.Number; got != 2 {
				t.Errorf("the file of version 2 has become version %d", got)
			}
		})
	}
}

// TestNumbersGoOn restarts with the same files and with others.
func TestNumbersGoOn(t *testing.T) {
	t.Parallel()
	w := newStateWorld(t, echo(t, "up").URL).start()
	w.restart()
	if got := w.server.Status().Good; got.Number != 1 {
		t.Errorf("the same files are version %d", got.Number)
	}
	w.stop()
	w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	w.start()
	if got := w.server.Status().Good; got.Number != 2 {
		t.Errorf("other files are version %d", got.Number)
	}
	w.write("rollout.yaml", rollout("key/demo/k1", "observe", "file:k1"))
	w.applied(2)
	if versions := w.server.state.list(); len(versions) != 3 || fmt.Sprint(versions[2].Changed) != "[rollout]" {
		t.Errorf("versions %+v", versions)
	}
}

// TestRestartKeepsWhatIsNotSpelledOut leaves a subject and a listener out
// while the process is down: both stay as they were, as in a running one.
func TestRestartKeepsWhatIsNotSpelledOut(t *testing.T) {
	t.Parallel()
	w := newStateWorld(t, echo(t, "up").URL)
	w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	w.start()
	w.stop()
	w.write("rollout.yaml", rollout())
	w.write("policy.yaml", "version: 1\n")
	for range 3 {
		w.start()
		if got, _ := w.get(target); got != http.StatusUnauthorized {
			t.Errorf("unsigned: %d", got)
		}
		if !w.alarmed("key/demo/k1 is no longer in the rollout") || !w.alarmed("listener svc is no longer in the policy") {
			t.Errorf("alarms %q", w.server.Status().Alarms)
		}
		if got := w.server.Status().Good.Number; got != 2 {
			t.Errorf("version %d", got)
		}
		w.stop()
	}
	w.write("agent.yaml", "")
	w.start()
	if got, _ := w.get(target); got != http.StatusUnauthorized {
		t.Errorf("unsigned, with a bad config: %d", got)
	}
}

// TestMoveByRestart takes another environment without a word, as the files
// are good and the process is new.
func TestMoveByRestart(t *testing.T) {
	t.Parallel()
	w := newStateWorld(t, echo(t, "up").URL).start()
	w.stop()
	w.write("rollout.yaml", strings.Replace(rollout(), "fat", "pro", 1))
	w.start()
	if got := w.server.Status().Good.Number; got != 2 || w.server.current.Load().environment != "pro" {
		t.Errorf("version %d", got)
	}
}

// TestAdmittedAfterRestart has a gate that refuses everything after the first time.
func TestAdmittedAfterRestart(t *testing.T) {
	t.Parallel()
	w := newStateWorld(t, echo(t, "up").URL)
	refuses := false
	w.opts.Gate = func(Candidate) Admission {
		if refuses {
			return Admission{Refusals: []Refusal{{Listener: WholeConfig, Err: errors.New("a certificate has expired")}}}
		}
		return Admission{}
	}
	w.start()
	w.stop()
	refuses = true
	w.start()
	if got := w.server.Status(); got.Err != nil || !w.alarmed("a certificate has expired") {
		t.Errorf("status %+v", got)
	}
	w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	if got := w.rejected(); !strings.Contains(got, "expired") {
		t.Error(got)
	}
}

// TestStateIsBounded applies more versions than are kept, and begins again
// with what is there.
func TestStateIsBounded(t *testing.T) {
	t.Parallel()
	st := openTestState(t, t.TempDir())
	const many = maxVersions + 20
	for i := range many {
		v := &storedVersion{keptVersion: keptVersion{Format: stateFormat, Number: i + 1, Digest: fmt.Sprint("sha256:", i)}}
		if err := st.keep(v); err != nil {
			t.Fatal(err)
		}
	}
	dir := st.dir
	for i := range 2 * maxBroken {
		if err := os.WriteFile(st.path(many+1+i)+".broken", nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 {
		if all := st.list(); len(all) != maxVersions || all[0].Number != many-maxVersions+1 || st.last().Number != many {
			t.Fatalf("%d versions from %d to %d", len(all), all[0].Number, st.last().Number)
		}
		for i := range many {
			if !st.knows(fmt.Sprint("sha256:", i)) {
				t.Errorf("digest %d is forgotten", i)
			}
		}
		files, err := filepath.Glob(filepath.Join(dir, "versions", "*"))
		if want := maxVersions + maxBroken*(2-i); err != nil || len(files) != want {
			t.Fatalf("%d files, %v, want %d", len(files), err, want)
		}
		if err := st.close(); err != nil {
			t.Fatal(err)
		}
		st = openTestState(t, dir)
	}
}

func openTestState(t *testing.T, dir string) *state {
	t.Helper()
	st := &state{logger: slog.New(slog.DiscardHandler), admitted: map[string]bool{}}
	if err := st.open(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.close() })
	return st
}

// TestStateIsPrivate looks at the rights of all files, at a second process and
// at a directory that is open to others.
func TestStateIsPrivate(t *testing.T) {
	t.Parallel()
	w := newStateWorld(t, echo(t, "up").URL).start()
	err := filepath.WalkDir(w.opts.State, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.another(); !errors.Is(err, ErrStateLocked) {
		t.Errorf("a second process: %v", err)
	}
	w.stop()
	if err := os.Chmod(w.opts.State, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := w.another(); err == nil || !strings.Contains(err.Error(), "others may write to it") {
		t.Errorf("a directory open to all: %v", err)
	}
}

// another starts a second server with the same options, which should fail.
func (w *world) another() error {
	w.t.Helper()
	other, err := New(w.opts)
	if err != nil {
		w.t.Fatal(err)
	}
	err = other.Start(w.t.Context())
	if err == nil {
		w.t.Cleanup(func() { _ = other.Stop(context.WithoutCancel(w.t.Context())) })
	}
	return err
}

// TestBrokenState ruins each file of the directory in many ways. None keeps a
// server from starting, and what can be told from the rest is.
func TestBrokenState(t *testing.T) {
	t.Parallel()
	for name, ruin := range map[string]func(path string) error{
		"empty":     func(path string) error { return os.Truncate(path, 0) },
		"cut":       func(path string) error { return os.Truncate(path, 100) },
		"no JSON":   func(path string) error { return os.WriteFile(path, []byte("\x00\xff"), 0o600) },
		"other":     func(path string) error { return os.WriteFile(path, []byte(`{"format": 99}`), 0o600) },
		"directory": func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newStateWorld(t, echo(t, "up").URL).start()
			w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
			w.applied(1)
			w.stop()
			for _, path := range []string{w.server.state.path(2), w.server.state.admittedPath()} {
				if err := os.WriteFile(path, []byte("[]"), 0o600); err != nil && name != "other" {
					t.Fatal(err)
				}
				if err := ruin(path); err != nil {
					t.Fatal(err)
				}
			}
			w.write("agent.yaml", "")
			w.start()
			if got := w.server.Status(); got.Good.Number != 1 || !w.alarmed("makes no sense and is set aside") {
				t.Errorf("status %+v", got)
			}
			w.write("agent.yaml", agentConfig("http://localhost:1"))
			w.applied(1)
			if got := w.server.Status().Good.Number; got != 3 {
				t.Errorf("version %d, though 2 was used", got)
			}
		})
	}
}

// TestUnwritableState goes on serving where nothing can be written.
func TestUnwritableState(t *testing.T) {
	t.Parallel()
	w := newStateWorld(t, echo(t, "up").URL).start()
	if err := os.RemoveAll(filepath.Join(w.opts.State, "versions")); err != nil {
		t.Fatal(err)
	}
	w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	w.applied(1)
	w.eventually("alarm", func() bool { return w.alarmed("version 2 is served, but not kept") })
	if got := w.metrics()["lockstep_state_write_errors_total"]; got != "1" {
		t.Errorf("state_write_errors %s", got)
	}
	if err := os.Mkdir(filepath.Join(w.opts.State, "versions"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.write("rollout.yaml", rollout("key/demo/k1", "observe", "file:k1"))
	w.applied(2)
	w.eventually("end of the alarm", func() bool { return len(w.server.Status().Alarms) == 0 })
}

// TestExpandedIsKeptAsWritten keeps the placeholders, not what they stand for.
func TestExpandedIsKeptAsWritten(t *testing.T) {
	t.Parallel()
	w := newStateWorld(t, "${UP}")
	up := echo(t, "up").URL
	w.opts.Expand = func(config []byte, _ func(string) ([]byte, error)) (*schemas.Expansion, error) {
		return schemas.Expand(config, func(name string) string {
			return map[string]string{"UP": up, "TOKEN": "canary-token"}[name]
		})
	}
	w.write("agent.yaml", agentConfig("${UP}")+"connect: {tenant_id: \"${TOKEN}\"}\n")
	w.start()
	w.stop()
	w.noCanary()
	w.write("agent.yaml", "")
	w.start()
	if got, body := w.get(target); got != http.StatusOK {
		t.Errorf("%d %s", got, body)
	}
}

// noCanary looks for secrets in the state directory and the log.
func (w *world) noCanary() {
	w.t.Helper()
	seen := 0
	err := filepath.WalkDir(w.opts.State, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		seen += len(text)
		if strings.Contains(string(text), "canary") {
			w.t.Errorf("%s holds a secret:\n%s", path, text)
		}
		return err
	})
	if err != nil || seen < 500 {
		w.t.Fatalf("%d bytes, %v", seen, err)
	}
	if strings.Contains(w.log.String(), "canary") {
		w.t.Error("the log holds a secret")
	}
}

// TestNoSecretIsKept has secrets wherever a good document may have them.
func TestNoSecretIsKept(t *testing.T) {
	t.Parallel()
	addr := echo(t, "up").URL
	w := newStateWorld(t, "")
	w.write("agent.yaml", "# canary in a comment\n"+agentConfig(strings.Replace(addr, "http://", "http://u:canary@", 1))+`
connect: # canary
  url: http://canary:canary@localhost:8001
  proxy_url: "http://u:canary@localhost:3128"
  token: |
    canary
    canary
  tls: {cert: "-----BEGIN canary"}
---
canary: canary
`)
	w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1")+"# canary\n")
	w.write("k1", secret1)
	w.start()
	if strings.Contains(strings.Join(w.server.Status().Alarms, ""), "would not survive") {
		t.Fatal(w.server.Status().Alarms)
	}
	w.stop()
	w.noCanary()
	w.write("policy.yaml", "")
	w.start()
	if got := w.server.Status(); got.Err == nil || !w.alarmed("without their secrets") {
		t.Errorf("status %+v", got)
	}
	if got, body := w.get(target, sign(t, secret1, target)...); got != http.StatusOK {
		t.Errorf("signed: %d %s", got, body)
	}
	w.noCanary()
}

// TestNotKept says so where a secret decides about what is served.
func TestNotKept(t *testing.T) {
	t.Parallel()
	w := newStateWorld(t, "")
	w.write("agent.yaml", agentConfig(echo(t, "up").URL)+"connect: {tenant_id: &t canary, token: *t}\n")
	w.start()
	if !w.alarmed("version 1 would not survive a restart with a bad file: config") {
		t.Errorf("alarms %q", w.server.Status().Alarms)
	}
	w.stop()
	w.noCanary()
	w.write("agent.yaml", "")
	if err := w.another(); err == nil {
		t.Error("started with nothing to serve")
	}
}

// TestHeldAcrossRestarts restarts while one listener of three is held, one was
// never good, and the third is fine: nothing changes, whatever becomes of the
// other files meanwhile.
func TestHeldAcrossRestarts(t *testing.T) {
	t.Parallel()
	third := echo(t, "other").URL
	config := func(first string) string {
		return "listeners:\n" + first + "  - {endpoint_id: new, addr: '1', tokn: canary}\n" +
			fmt.Sprintf("  - {endpoint_id: other, addr: %q, timeout: 5s}\n", third)
	}
	w := newStateWorld(t, "")
	w.opts.Rollout, w.opts.Policy = "", ""
	w.write("agent.yaml", config(fmt.Sprintf("  - {endpoint_id: svc, addr: %q, timeout: 5s}\n", echo(t, "up").URL)))
	w.start()
	w.write("agent.yaml", config("  - {endpoint_id: svc, addr: [canary], timeout: 5s}\n"))
	w.eventually("second version", func() bool { return w.server.Status().Good.Number == 2 })
	check := func(number int) {
		t.Helper()
		for endpoint, want := range map[string]int{"svc": http.StatusOK, "new": http.StatusServiceUnavailable, "other": http.StatusOK} {
			if got, body := w.send(http.MethodGet, endpoint, "/"); got != want {
				t.Errorf("%s: %d %s, want %d", endpoint, got, body, want)
			}
		}
		status := w.server.Status()
		if status.Good.Number != number || len(status.Listeners) != 3 || status.Listeners[0].Err == nil || status.Listeners[0].Version != 1 ||
			status.Listeners[1].Err == nil || status.Listeners[1].Version != 0 || status.Listeners[2].Version != 1 {
			t.Errorf("status %+v", status)
		}
	}
	check(2)
	w.restart()
	check(2)
	w.stop()
	w.write("agent.yaml", "")
	w.start()
	check(2)
	w.stop()
	w.noCanary()
	w.write("agent.yaml", config("  - {endpoint_id: svc, addr: [else], timeout: 5s}\n"))
	w.start()
	check(3)
}
