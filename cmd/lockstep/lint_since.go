package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"lockstep/lint"
	"lockstep/schemas"
)

func sinceFlag() cli.Flag {
	return &cli.StringFlag{Name: "since", Usage: "report only findings on lines changed since the git revision `REV`, and those that were not there then"}
}

// A history is what git knows of the files; a nil one knows nothing.
type history struct {
	git    func(args ...string) ([]byte, error)
	commit string
}

// newHistory finds the revision that --since names, nil without the flag.
func newHistory(c *cli.Context) (*history, error) {
	revision := c.String("since")
	if !c.IsSet("since") {
		return nil, nil
	}
	if c.IsSet("fix") {
		return nil, usage(schemas.Hint(errors.New("--fix mends whole files, and --since looks at parts"), "leave one of the two out"))
	}
	h := &history{git: func(args ...string) ([]byte, error) {
		return exec.CommandContext(c.Context, "git", args...).Output()
	}}
	commit, err := h.git("rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if err != nil {
		return nil, usage(fmt.Errorf("--since: %w", explainGit(err, revision)))
	}
	h.commit = string(bytes.TrimSpace(commit))
	return h, nil
}

// explainGit words why git has no answer. It says nothing itself where it
// only does not know the revision.
func explainGit(err error, revision string) error {
	exit, ran := errors.AsType[*exec.ExitError](err)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return schemas.Hint(errors.New("there is no git on this machine"), "install it, or lint whole files")
	case !ran:
		return fmt.Errorf("run git: %w", err)
	case len(exit.Stderr) == 0:
		return schemas.Hint(fmt.Errorf("git knows no commit %q", revision), "fetch it first; in CI a checkout may hold the last commit only")
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(string(exit.Stderr), "fatal: "), "\n")
	return schemas.Hint(fmt.Errorf("git refuses: %s", first), "run it in a git work tree")
}

// since says what has changed in a file, and what was to be said of it then;
// nil means all of it, as in a file that the revision does not have.
func (l *linter) since(checker *lint.Checker, s lint.Source, in lint.Input, f inputFile) (*lint.Since, *lint.Report, error) {
	if l.history == nil || f.stdin || bytes.IndexByte(s.Text, 0) >= 0 {
		return nil, nil, nil // in UTF-16 git finds no lines
	}
	path, err := fromHere(f.path)
	if err != nil {
		return nil, nil, err
	}
	text, err := l.history.git("show", l.history.commit+":./"+filepath.ToSlash(path))
	if err != nil {
		return nil, nil, nil //nolint:nilerr // the file is new
	}
	diff, err := l.history.git("--literal-pathspecs", "diff", "--no-ext-diff", "--no-textconv", "--no-color", "--text", "-U0", l.history.commit, "--", path)
	if err != nil {
		return nil, nil, explainGit(err, l.history.commit)
	}
	before, err := l.before(checker, s, in, text)
	if err != nil || before == nil {
		return nil, nil, err
	}
	since := &lint.Since{Known: lint.NewBaseline(new(lint.Baseline).With([]*lint.Report{before}))}
	if s.Placed() {
		since.Lines = changedLines(diff)
	}
	return since, before, nil
}

// before is what an earlier text of the file had to be said of the same
// config; nil if that was not there, or of another tier.
func (l *linter) before(checker *lint.Checker, s lint.Source, in lint.Input, text []byte) (*lint.Report, error) {
	in.Baseline = nil
	sources, _ := lint.Sources(s.File, text, true)
	for _, then := range sources {
		if then.Within != s.Within {
			continue
		}
		if err := l.expandSource(&then); err != nil {
			return nil, err
		}
		report, err := checker.CheckSource(then, in)
		if err != nil {
			return nil, nil //nolint:nilerr // it was of another tier, so nothing is as it was
		}
		return report, nil
	}
	return nil, nil //nolint:nilnil // the config is new
}

// fromHere makes a path relative to the working directory.
func fromHere(path string) (string, error) {
	if !filepath.IsAbs(path) {
		return filepath.Clean(path), nil
	}
	here, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the working directory: %w", err)
	}
	return filepath.Rel(here, path)
}

var hunkHead = regexp.MustCompile(`(?m)^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@`)

// changedLines reads the heads of the hunks in a diff without context.
func changedLines(diff []byte) []lint.LineRange {
	var all []lint.LineRange
	for _, m := range hunkHead.FindAllStringSubmatch(string(diff), -1) {
		first, _ := strconv.Atoi(m[1])
		count := 1
		if m[2] != "" {
			count, _ = strconv.Atoi(m[2])
		}
		all = append(all, lint.LineRange{First: first, Count: count})
	}
	return all
}
