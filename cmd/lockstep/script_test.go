package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// TestMain lets the scripts call the real main as a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"lockstep":      func() { os.Exit(mainStatus()) },
		"lockstep-then": func() { os.Exit(statusThen()) },
	})
}

// TestScript runs the command line as a person or a pipeline does: each file
// of testdata/script is one story. UPDATE=1 rewrites what they compare.
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "..", "testdata", "script"),
		UpdateScripts:       os.Getenv("UPDATE") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Deadline:            time.Now().Add(5 * time.Minute), // a process that should refuse may serve instead
		Setup: func(env *testscript.Env) error {
			examples, err := filepath.Abs(filepath.Join("..", "..", "testdata", "examples"))
			env.Setenv("EXAMPLES", examples)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ca":      makeCA,
			"status":  expectStatus,
			"history": writeHistory,
			"formats": everyFormat,

			"configservice": writeConfigService,
			"database":      startDatabase,
			"gateway":       writeGateway,

			"ready":    waitReady,
			"upstream": startUpstream,
			"signer":   makeSigner,
		},
	})
}

// makeCA writes the certificate of a new private authority: `ca FILE`.
func makeCA(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ca FILE")
	}
	authority, err := certs.NewAuthority(time.Now())
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), authority.Root(), 0o600))
}

// expectStatus runs a command and insists on its exit status: `status N
// lockstep ...`. The exec of testscript tells only success from failure.
func expectStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND...")
	}
	status := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		status = exit.ExitCode()
	}
	if args[0] != strconv.Itoa(status) {
		ts.Fatalf("exit status %d, want %s", status, args[0])
	}
}

// writeHistory writes the event log of one node that ran for DAYS days up to
// 2026-11-21T12:00:00Z, where the client 10.0.0.1 called every hour and always
// passed: `history FILE DAYS`.
func writeHistory(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: history FILE DAYS")
	}
	days, err := strconv.Atoi(args[1])
	ts.Check(err)
	log, err := historyOf(days)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), log, 0o600))
}

// historyOf is what writeHistory writes.
func historyOf(days int) ([]byte, error) {
	var log bytes.Buffer
	var errs []error
	seq := uint64(0)
	write := func(at time.Time, e schemas.Event) {
		seq++
		e.Boot, e.Seq, e.TimeMS = "b", seq, at.UnixMilli()
		line, err := e.Line()
		errs = append(errs, err)
		log.Write(line)
	}
	end := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for at := end.AddDate(0, 0, -days); !at.After(end); at = at.Add(time.Hour) {
		var tally schemas.Tally
		tally.Add(at.UnixMilli())
		write(at, schemas.TallyEvent(schemas.TallyKey{
			Environment: "eu", Node: "n1", Subject: "key/demo/k1", Client: "10.0.0.1",
			How: schemas.HowVerified, Outcome: schemas.OutcomeOK, Day: at.Format(time.DateOnly),
		}, tally))
		write(at, schemas.Event{
			Kind: schemas.EventHeartbeat, Environment: "eu", Node: "n1",
			Subjects: []schemas.SubjectState{{Subject: "key/demo/k1", Mode: schemas.ModeObserve, Fingerprint: "abc"}},
		})
	}
	return log.Bytes(), errors.Join(errs...)
}

// everyFormat wants the same exit statuses in every format of a lint command:
// `formats lockstep lint ...`, where ok.yaml is fine, skip.yaml has an error,
// and none.yaml does not exist.
func everyFormat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: formats COMMAND...")
	}
	for _, format := range formats() {
		for _, c := range [][]string{
			{"0", "ok.yaml"}, {"1", "skip.yaml"}, {"0", "--exit-zero", "skip.yaml"}, {"2", "--fail-on", "x", "ok.yaml"}, {"3"}, {"4", "skip.yaml", "none.yaml"},
		} {
			expectStatus(ts, false, slices.Concat(c[:1], args, []string{"-o", format}, c[1:]))
		}
	}
}
