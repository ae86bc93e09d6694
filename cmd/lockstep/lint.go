package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/urfave/cli/v2"

	"lockstep/internal/inputfile"
	"lockstep/lint"
	"lockstep/schemas"
)

func (p *process) lintCommand() *cli.Command {
	return &cli.Command{
		Name:      "lint",
		Usage:     "validate Piko agent configs against what each tier demands",
		ArgsUsage: "PATH...|-",
		Description: "Each PATH is a Piko agent config; - reads one from standard input. Files that a config names\n" +
			"are opened relative to the working directory, as the agent does, unless --root or --map say\n" +
			"where they lie here. Nothing is dialled, and nothing is written without --fix; from standard\n" +
			"input --fix writes to standard output, and reports to standard error.\n\n" +
			"Without --tier, the tier comes from a comment `# lockstep: tier=staging` at the top of the file\n" +
			"or from the policy; a file of which nothing is known is judged as production.",
		Flags:       slices.Concat(tierFlags(), filesFlags(), reportFlags(), baselineFlags(), fixFlags()),
		Subcommands: []*cli.Command{p.lintRulesCommand(), p.lintExplainCommand()},
		Action:      p.lint,
	}
}

// lint judges all inputs, even if one of them cannot be read.
func (p *process) lint(c *cli.Context) error {
	failOn, reports, err := p.lintOptions(c)
	if err != nil {
		return err
	}
	linter, err := p.newLinter(c)
	if err != nil {
		return err
	}
	if !c.Args().Present() {
		return withStatus(statusNoInput, schemas.Hint(errors.New("there is nothing to lint"), "name a Piko agent config, or - for standard input"))
	}
	if err := reports.check(append(c.Args().Slice(), c.String("policy"), c.String("rollout"))); err != nil {
		return usage(err)
	}
	linter.inventory = reports.inventory()
	found, unread, err := linter.judge(c.Context, c.Args().Slice())
	if err != nil {
		return err
	}
	reports.unread = unread
	if linter.fixer.diff {
		return linter.fixer.report(p, found, unread)
	}
	if err := linter.writeBaseline(c.String("write-baseline"), found, unread); err != nil {
		return err
	}
	if err := reports.write(found); err != nil {
		return err
	}
	status := statusOK
	if lint.Summarize(found).Worst().AtLeast(failOn) && !c.Bool("exit-zero") {
		status = statusFindings
	}
	if len(unread) > 0 {
		return withStatus(worse(status, statusIncomplete), errors.Join(unread...))
	}
	return silent(status)
}

// lintOptions checks the flags before any file is touched.
func (p *process) lintOptions(c *cli.Context) (failOn schemas.Level, reports *reporting, err error) {
	failOn = schemas.Level(c.String("fail-on"))
	switch failOn {
	case schemas.LevelInfo, schemas.LevelWarning, schemas.LevelError:
	case schemas.LevelOff:
		fallthrough
	default:
		return "", nil, usage(schemas.Hint(fmt.Errorf("--fail-on %q is no level", failOn), "use one of error, warning, info"))
	}
	reports, err = p.newReporting(listOf(c, "output"), c.String("docs-url"), failOn, p.reportTo(c))
	return failOn, reports, usage(err)
}

// A linter is lint with the inputs of one command line.
type linter struct {
	process *process
	checker *lint.Checker
	tier    schemas.Tier
	policy  *schemas.Policy
	rollout *schemas.Rollout
	expand  expander
	stdin   string

	baseline *lint.Baseline
	fixer    *fixer
	history  *history

	inventory bool // some output lists the listeners
	mode      lint.FileMode
	files     fileTree
}

func (p *process) newLinter(c *cli.Context) (*linter, error) {
	l := &linter{process: p, stdin: c.String("stdin-name")}
	var err error
	if l.tier, err = tierOf(c); err != nil {
		return nil, err
	}
	if l.mode, err = filesMode(c); err != nil {
		return nil, err
	}
	if l.files, err = newFileTree(c); err != nil {
		return nil, err
	}
	if l.policy, err = loadPolicy(c.String("policy")); err != nil {
		return nil, err
	}
	if path := c.String("rollout"); path != "" {
		if l.rollout, err = load(path, schemas.DecodeRollout); err != nil {
			return nil, err
		}
	}
	if l.expand, err = p.expander(c); err != nil {
		return nil, err
	}
	if l.baseline, err = loadBaseline(c); err != nil {
		return nil, err
	}
	if l.fixer, err = newFixer(c); err != nil {
		return nil, err
	}
	if l.history, err = newHistory(c); err != nil {
		return nil, err
	}
	version, err := schemas.ParsePikoVersion(c.String("piko-version"))
	if err != nil {
		return nil, usage(fmt.Errorf("--piko-version: %w", err))
	}
	l.checker, err = lint.NewCheckerFor(version)
	return l, err
}

// tierOf reads --tier; it is empty if the flag is not given.
func tierOf(c *cli.Context) (schemas.Tier, error) {
	if !c.IsSet("tier") {
		return "", nil
	}
	tier, err := schemas.ParseTier(c.String("tier"))
	if err != nil {
		return "", usage(fmt.Errorf("--tier: %w", err))
	}
	return tier, nil
}

// loadPolicy reads a policy and checks what it says of lint's rules. Without
// a path it returns an empty policy.
func loadPolicy(path string) (*schemas.Policy, error) {
	return loadOptional(path, func(doc *schemas.Document) (*schemas.Policy, error) {
		policy, err := schemas.DecodePolicy(doc)
		if err != nil {
			return nil, err
		}
		return policy, lint.CheckPolicy(doc, policy)
	})
}

// gcPercent lets the heap of a short-lived process grow further before it is
// collected: a fifth of the time for some 15 MiB.
const gcPercent = 300

// judge lints all arguments of the command line on all processors, and keeps
// their order. An error is one of usage, which makes all findings moot.
func (l *linter) judge(ctx context.Context, paths []string) (found []*lint.Report, unread []error, err error) {
	debug.SetGCPercent(gcPercent)
	reports, errs := make([]*lint.Report, len(paths)), make([]error, len(paths))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(paths)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(paths)); i = next.Add(1) - 1 {
				reports[i], errs[i] = l.safely(ctx, paths[i])
			}
		})
	}
	workers.Wait()
	for i, err := range errs {
		switch {
		case err == nil:
			found = append(found, reports[i])
		case statusOf(err) == statusIncomplete:
			unread = append(unread, err)
		default:
			return nil, nil, err
		}
	}
	return found, unread, nil
}

// safely is file, where a panic is an error like any other: nobody else could
// catch it on this goroutine.
func (l *linter) safely(ctx context.Context, path string) (report *lint.Report, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = bug(fault)
		}
	}()
	return l.file(ctx, path)
}

// file lints one argument of the command line.
func (l *linter) file(ctx context.Context, path string) (*lint.Report, error) {
	name, read := path, inputfile.Read
	if path == "-" {
		name, read = l.stdin, func(string) ([]byte, error) { return l.process.readStdin(ctx) }
	}
	source, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	in := lint.Input{
		Path: name, Tier: l.tier, Policy: l.policy, Rollout: l.rollout,
		ReadFile: l.files.read, Stat: l.files.stat, Files: l.mode, Now: l.process.now(),
		Inventory: l.inventory, Baseline: l.baseline,
	}
	if err := l.parse(&in, source); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if in.Since, err = l.since(in, source, path == "-"); err != nil {
		return nil, fmt.Errorf("compare %s: %w", name, err)
	}
	return l.check(in, source, path == "-")
}

// parse gives source to in, with variables put in if that is asked for.
func (l *linter) parse(in *lint.Input, source []byte) error {
	if l.expand == nil {
		in.Document, in.Err = schemas.ParseDocument(in.Path, source)
		return nil
	}
	expansion, err := l.expand(source)
	if err != nil {
		return err
	}
	in.Expansion = expansion
	in.Document, in.Err = schemas.ParseExpanded(in.Path, expansion)
	return nil
}
