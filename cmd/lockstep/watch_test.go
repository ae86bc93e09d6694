package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockstep/schemas"
)

// A watched is a rollout that is enforced now, with the log of one node.
type watched struct {
	t       *testing.T
	dir     string
	rollout string
	seq     uint64
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{t: t, dir: t.TempDir()}
	w.rollout = filepath.Join(w.dir, "rollout.yaml")
	since := time.Now().UTC().Truncate(time.Second)
	text := "version: 1\nenvironment: eu\ntier: staging\nsubjects:\n  key/demo/k1: {mode: enforce, since: " + since.Format(time.RFC3339) + ", secret: env:A}\n"
	if err := os.WriteFile(w.rollout, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.log(schemas.Event{Kind: schemas.EventHeartbeat})
	w.request(schemas.ReasonNone, since.Add(-time.Minute))
	return w
}

// log appends an event of now.
func (w *watched) log(e schemas.Event) {
	w.t.Helper()
	w.seq++
	e.Environment, e.Node, e.Boot, e.Seq, e.TimeMS = "eu", "n1", "b", w.seq, time.Now().UnixMilli()
	line, err := e.Line()
	if err != nil {
		w.t.Fatal(err)
	}
	file, err := os.OpenFile(filepath.Join(w.dir, "events.jsonl"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = file.Write(line)
	if err := errors.Join(err, file.Close()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) request(reason schemas.Reason, at time.Time) {
	w.t.Helper()
	key := schemas.TallyKey{Subject: "key/demo/k1", Client: "10.0.0.1", How: schemas.HowVerified, Outcome: schemas.OutcomeOK, Day: at.UTC().Format(time.DateOnly)}
	if reason != schemas.ReasonNone {
		key.Subject, key.Outcome, key.Reason = "key/demo", schemas.OutcomeFail, reason
	}
	var tally schemas.Tally
	tally.Add(at.UnixMilli())
	w.log(schemas.TallyEvent(key, tally))
}

// watch starts the command, and returns once it has looked for the first time.
func (w *watched) watch(args ...string) (cmd *exec.Cmd, output *bytes.Buffer) {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd = exec.CommandContext(w.t.Context(), self)
	cmd.Args = append([]string{"lockstep", "migrate", "watch", "--rollout", w.rollout, "--logs", filepath.Join(w.dir, "*.jsonl"), "--interval", "20ms"}, args...)
	output = &bytes.Buffer{}
	cmd.Stderr = output
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.Contains(lines.Text(), "1 subject enforced") {
		w.t.Fatalf("the first line is %q\n%s", lines.Text(), output.String())
	}
	w.t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, output
}

// A watch sees what is appended to a log, and steps back by itself if it may.
func TestWatchStepsBackByItself(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	cmd, output := w.watch("--auto", "--store", filepath.Join(w.dir, "watch.db"))
	w.request(schemas.ReasonSignature, time.Now().Add(time.Second))
	w.log(schemas.Event{Kind: schemas.EventHeartbeat})
	ended := make(chan error)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			if cmd.ProcessState.ExitCode() != statusFindings {
				t.Fatalf("%v\n%s", err, output.String())
			}
			rollout, err := load(w.rollout, schemas.DecodeRollout)
			if err != nil || rollout.Subjects["key/demo/k1"].Mode != schemas.ModeObserve || rollout.Journal.Seq != 2 {
				t.Errorf("the rollout is %+v, error %v", rollout, err)
			}
			return
		case <-time.After(10 * time.Millisecond): // polls in a row need news
			w.log(schemas.Event{Kind: schemas.EventHeartbeat})
		}
	}
}

// Ctrl-C ends a watch at once, and nothing is left behind.
func TestWatchIsInterrupted(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	cmd, output := w.watch("--interval", "1h")
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if cmd.ProcessState.ExitCode() != statusIncomplete || !strings.HasSuffix(output.String(), "lockstep: interrupted\n") {
		t.Errorf("%v\n%s", err, output.String())
	}
	files, err := os.ReadDir(w.dir)
	if err != nil || len(files) != 2 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}
