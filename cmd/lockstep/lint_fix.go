package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/urfave/cli/v2"

	"lockstep/internal/atomicfile"
	"lockstep/lint"
	"lockstep/schemas"
)

// A fixMode is the value of --fix, which may be given without one.
type fixMode string

const (
	fixNone   fixMode = ""
	fixSafe   fixMode = "safe"
	fixUnsafe fixMode = "unsafe"
)

// Set implements [cli.Generic]. The flag library writes true for no value.
func (m *fixMode) Set(value string) error {
	*m = fixMode(value)
	if value == "true" {
		*m = fixSafe
	}
	return nil
}

func (m *fixMode) String() string { return string(*m) }

// IsBoolFlag tells the flag library that no value follows.
func (m *fixMode) IsBoolFlag() bool { return true }

func fixFlags() []cli.Flag {
	return []cli.Flag{
		&cli.GenericFlag{Name: "fix", Value: new(fixMode), Usage: "mend what can be mended for certain, but nothing in manifests; with =unsafe also what may break clients"},
		switchFlag("diff", "with --fix: write nothing but print what would change, and exit with status 1 if anything would"),
	}
}

// A fixer is what --fix and --diff ask for.
type fixer struct {
	mode  fixMode
	diff  bool
	mutex sync.Mutex
	diffs map[string][]byte // by file
}

func newFixer(c *cli.Context) (*fixer, error) {
	f := &fixer{diff: c.Bool("diff"), diffs: map[string][]byte{}}
	if mode, ok := c.Generic("fix").(*fixMode); ok {
		f.mode = *mode
	}
	switch {
	case !slices.Contains([]fixMode{fixNone, fixSafe, fixUnsafe}, f.mode):
		return nil, usage(schemas.Hint(fmt.Errorf("there are no fixes called %q", f.mode), "write --fix, or --fix=unsafe for those that change what the agent does"))
	case f.mode != fixNone && c.Bool("expand-env"):
		return nil, usage(schemas.Hint(errors.New("--fix mends a file as it is written, and --expand-env judges another text"), "leave one of the two out"))
	case f.diff && f.mode == fixNone:
		return nil, usage(schemas.Hint(errors.New("--diff shows what --fix would do"), "write --fix --diff, or --fix=unsafe --diff"))
	case f.diff && (len(listOf(c, "output")) > 0 || c.String("write-baseline") != ""):
		return nil, usage(schemas.Hint(errors.New("--diff writes nothing and prints no report"), "leave out -o and --write-baseline, or --diff"))
	}
	return f, nil
}

// check judges a file, and mends it before if that is asked for.
func (l *linter) check(checker *lint.Checker, s lint.Source, in lint.Input, f inputFile) (*lint.Report, error) {
	// What is in a manifest may have been encoded, folded or rendered, and no rule on rollout files has a fix.
	if l.fixer.mode == fixNone || s.Within != "" || s.Kind == schemas.KindRollout {
		report, err := checker.CheckSource(s, in)
		if errors.Is(err, lint.ErrTooManyFindings) {
			return nil, err
		}
		return report, usage(err)
	}
	fixed, err := checker.Fix(s.Input(in), l.fixer.mode == fixUnsafe)
	if _, ours := errors.AsType[*lint.FixError](err); ours || errors.Is(err, lint.ErrTooManyFindings) {
		return nil, err
	}
	if err != nil {
		return nil, usage(err)
	}
	after := s.Text
	if fixed.Source != nil {
		after = fixed.Source
	}
	if l.fixer.diff {
		l.fixer.compare(f.path, checker.Mask(s.Text), checker.Mask(after))
		return fixed.Report, nil
	}
	return fixed.Report, l.process.keep(f.path, after, fixed.Source != nil, f.stdin)
}

// keep puts the text where it belongs: in the file if it has changed, or on
// standard output if it came from standard input.
func (p *process) keep(path string, text []byte, changed, stdin bool) error {
	if stdin {
		if _, err := p.stdout.Write(text); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		return nil
	}
	if !changed {
		return nil
	}
	if err := atomicfile.Write(path, text, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// compare keeps what would change in a file for the report.
func (f *fixer) compare(path string, before, after []byte) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.diffs[path] = diff.Diff(path, before, path, after)
}

// report prints what would change, in the order of the files.
func (f *fixer) report(p *process, found []*lint.Report, faults []error) error {
	status := statusOK
	for _, r := range found {
		if text := f.diffs[r.Path]; text != nil {
			status = statusFindings
			if _, err := p.stdout.Write(text); err != nil {
				return fmt.Errorf("write differences: %w", err)
			}
			delete(f.diffs, r.Path) // a file may be named twice
		}
	}
	return statusWith(status, faults)
}

// reportTo is where a report goes that has no file of its own: standard
// output, unless that gets the fixed text.
func (p *process) reportTo(c *cli.Context) io.Writer {
	if c.IsSet("fix") && slices.Contains(c.Args().Slice(), "-") {
		return p.stderr
	}
	return p.stdout
}
