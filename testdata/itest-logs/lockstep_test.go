package itest

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A lockstep is the program in a directory with a policy.
type lockstep struct {
	t   testing.TB
	dir string
}

func newLockstep(t testing.TB) *lockstep {
	t.Helper()
	l := &lockstep{t, t.TempDir()}
	writePolicy(t, l.dir)
	return l
}

// A report is what a run of the program said.
type report struct {
	stdout, stderr string
	status         int
	took           time.Duration
}

// run runs it, with DuckDB on its path.
func (l *lockstep) run(args ...string) report {
	l.t.Helper()
	cmd := exec.CommandContext(l.t.Context(), programs.lockstep, args...)
	cmd.Dir = l.dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(programs.duckdb)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		l.t.Fatal(err)
	}
	r := report{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode(), time.Since(began)}
	if strings.Contains(r.stdout+r.stderr, chPassword) {
		l.t.Error("it prints the password")
	}
	return r
}

// evidence asks sources for the whole corpus.
func (l *lockstep) evidence(dialect string, sources ...string) report {
	return l.run(append([]string{"migrate", "evidence", "--policy", "lockstep.yaml", "--dialect", dialect, "--format", "json"}, sources...)...)
}

// plan proposes steps, and returns what it says with the plan itself.
func (l *lockstep) plan(dialect string, sources ...string) report {
	l.t.Helper()
	path := filepath.Join(l.dir, "plan.yaml")
	_ = os.Remove(path)
	r := l.run(append([]string{"migrate", "plan", "--policy", "lockstep.yaml", "--dialect", dialect, "--rollout", "rollout.yaml",
		"--now", moment(firstDay() + days*dayMS + hourMS), "-o", path}, sources...)...)
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		l.t.Fatal(err)
	}
	r.stdout += string(text)
	return r
}

// A question is how lockstep asks an engine, in which dialect.
type question struct {
	dialect      string
	flags        []string
	since, until int64
}

// ask is the question for the days of the corpus.
func ask(dialect, url string, flags ...string) question {
	return askBetween(firstDay(), firstDay()+days*dayMS, dialect, url, flags...)
}

func askBetween(since, until int64, dialect, url string, flags ...string) question {
	return question{dialect, append([]string{"--from", url, "--since", moment(since), "--until", moment(until)}, flags...), since, until}
}

// evidence is what the tests look at.
type evidence struct {
	Coverage struct {
		Lines, Parsed, Ignored int
		Unknown                []unknown
	}
	Clients []struct{ OK, Fail int }
}

type unknown struct {
	Source, Reason string
	From, To       time.Time
}

func (r report) evidence(t testing.TB) (e evidence) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.stdout), &e); err != nil {
		t.Fatalf("no evidence: %v\nstatus %d\n%s%s", err, r.status, r.stdout, r.stderr)
	}
	return e
}

// within says whether a window has a moment.
func (u unknown) within(ms int64) bool { return u.From.UnixMilli() <= ms && ms < u.To.UnixMilli() }
