// Package itest has lockstep ask real log databases, which the tests start on
// loopback and end by their ids. What they answer has to be what lockstep finds
// in the files that were loaded into them, and where they cannot answer in
// full it has to say so. `make itest-logs` runs it.
package itest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// programs are what the tests run.
var programs struct {
	lockstep, vlogs, chdb string // built here
	clickhouse            string // of Debian
	libchdb               string // of npm
	duckdb                string // of PyPI
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "itest-logs")
	if err == nil {
		err = errors.Join(findAll(), buildAll(dir))
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

// leftOut says whether an engine that cannot be had everywhere is left out
// because somebody has said so.
func leftOut(engine string) bool {
	return slices.Contains(strings.Fields(os.Getenv("WITHOUT")), engine)
}

// findAll takes what .ci/logs has fetched.
func findAll() (err error) {
	for _, p := range []struct {
		path   *string
		engine string
	}{{&programs.clickhouse, "clickhouse"}, {&programs.libchdb, "chdb"}, {&programs.duckdb, "duckdb"}} {
		name := strings.ToUpper(p.engine)
		*p.path = os.Getenv(name)
		if _, missing := os.Stat(*p.path); missing != nil && !leftOut(p.engine) {
			err = errors.Join(err, fmt.Errorf("%s names no file: %w\nhint: make itest-logs fetches it; WITHOUT=%s does without", name, missing, p.engine))
		}
	}
	return err
}

func buildAll(dir string) error {
	for _, p := range []struct {
		path      *string
		name, dir string
		of        string
	}{
		{&programs.lockstep, "lockstep", "../..", "./cmd/lockstep"},
		{&programs.vlogs, "vlogs", ".", "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-logs"},
		{&programs.chdb, "chdb", ".", "./chdb"},
	} {
		*p.path = filepath.Join(dir, p.name)
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", *p.path, p.of)
		cmd.Dir = p.dir
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", p.name, err, out)
		}
	}
	return nil
}
