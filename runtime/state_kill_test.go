package runtime

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lockstep/runtime/admin"
)

// editDir makes this test binary a process that serves a directory and edits
// its config all the time.
const editDir = "LOCKSTEP_TEST_EDIT"

// editOptions are those of the process and of the one that follows it.
func editOptions(dir string) Options {
	return Options{
		Config: filepath.Join(dir, "agent.yaml"), State: filepath.Join(dir, "state"), Listen: "127.0.0.1:0",
		Node: "n1", Version: "test", Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	}
}

// editConfig is the config of a version: the timeout is its number in seconds.
func editConfig(number int) string {
	return fmt.Sprintf("listeners:\n  - {endpoint_id: svc, addr: '1', timeout: %ds}\n", number)
}

// editProcess applies one version after the other, and says which it has
// applied, until it is killed.
func editProcess(ctx context.Context, dir string) error {
	s, err := New(editOptions(dir))
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	for {
		next := s.Status().Good.Number + 1
		if err := os.WriteFile(s.opts.Config, []byte(editConfig(next)), 0o600); err != nil {
			return err
		}
		out, err := control{s}.Reload(ctx)
		if err != nil || out.Result == admin.Rejected || out.Served.Version != next {
			return fmt.Errorf("version %d: %+v, %w", next, out, err)
		}
		fmt.Fprintln(os.Stdout, next)
	}
}

// TestStateSurvivesKills kills a process at any moment while it keeps one
// version after the other, and ruins the config: what is served then is the
// last version that was said to be applied, or the one after it. FULL=1 kills
// 500 times, not 50. It does not run beside other tests: a process that is
// being started holds their locks for a moment.
func TestStateSurvivesKills(t *testing.T) {
	dir, kills := t.TempDir(), 50
	if os.Getenv("FULL") != "" {
		kills = 500
	}
	config := filepath.Join(dir, "agent.yaml")
	if err := os.WriteFile(config, []byte(editConfig(1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range kills {
		moment := func() { time.Sleep(time.Duration(rand.Int64N(int64(20 * time.Millisecond)))) }
		if i%2 == 1 {
			moment = func() { awaitFile(t, filepath.Join(dir, "state", "versions")) }
		}
		said := editAndKill(t, dir, moment)
		if err := os.WriteFile(config, []byte("listeners: ["), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := New(editOptions(dir))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(t.Context()); err != nil {
			t.Fatalf("after version %d: %v", said, err)
		}
		status, timeout := s.Status(), s.current.Load().listeners[0].upstream.backend.spec.Timeout
		if n := status.Good.Number; n < said || n > said+1 || timeout != time.Duration(n)*time.Second || status.Err == nil {
			t.Errorf("version %d was applied, version %d with timeout %v is served: %+v", said, n, timeout, status)
		}
		if strings.Contains(strings.Join(status.Alarms, ""), "makes no sense") {
			t.Errorf("alarms %q", status.Alarms)
		}
		if err := s.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "state", "versions", ".lockstep-*"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d kills struck in the midst of a file", len(left), kills)
}

// awaitFile returns while a file is being written in a directory.
func awaitFile(t *testing.T, dir string) {
	t.Helper()
	names := func() int {
		left, err := filepath.Glob(filepath.Join(dir, ".lockstep-*"))
		if err != nil {
			t.Error(err)
		}
		return len(left)
	}
	before := names()
	for deadline := time.Now().Add(time.Second); names() <= before && time.Now().Before(deadline); {
	}
}

// editAndKill runs the process, kills it at a moment after its first version,
// and returns the last that it has said to be applied.
func editAndKill(t *testing.T, dir string, moment func()) (said int) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env, cmd.Stderr = append(os.Environ(), editDir+"="+dir), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var killing sync.WaitGroup
	first, lines := true, bufio.NewScanner(out)
	for lines.Scan() {
		if said, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatal(err)
		}
		if first {
			first = false
			killing.Go(func() { moment(); _ = cmd.Process.Kill() })
		}
	}
	killing.Wait()
	_ = cmd.Wait() // it was killed
	if said == 0 {
		t.Fatal("the process has applied nothing")
	}
	return said
}
