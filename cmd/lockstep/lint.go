package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
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
		Description: "Each PATH is a Piko agent config, a Kubernetes manifest with one in a ConfigMap or Secret, a\n" +
			"directory to look for both in *.yaml, *.yml and *.json, or a quoted glob such as 'deploy/**/*.yaml';\n" +
			"- reads standard input. Hidden directories, node_modules and vendor are left out, links to\n" +
			"directories are not followed. Files that a config names are opened relative to the working\n" +
			"directory, as the agent does. Nothing is dialled or written.\n\n" +
			"Without --tier, the tier comes from a comment `# lockstep: tier=staging` at the top of the file,\n" +
			"from the policy, or from labels (lockstep/tier, environment, env, tier) and the namespace of a\n" +
			"manifest; a file of which nothing is known is judged as production.",
		Flags: []cli.Flag{
			tierFlag(), policyFlag(),
			&cli.StringFlag{Name: "rollout", Usage: "also agree with the tier of the rollout `FILE`"},
			&cli.StringFlag{Name: "fail-on", Value: string(schemas.LevelError), Usage: "exit with status 1 from `LEVEL` on: error, warning or info"},
			listFlag(cli.GenericFlag{Name: "output", Aliases: []string{"o"}, Usage: "report as `FORMAT[=FILE]`, text or json; may be repeated"}),
			&cli.StringFlag{Name: "stdin-name", Value: "stdin", Usage: "call standard input `NAME` in findings and for the policy"},
			&cli.StringFlag{Name: "cache", EnvVars: []string{"LOCKSTEP_CACHE"}, Usage: "keep results of unchanged files in `DIR`, for the next run"},
			switchFlag("no-cache", "use no cache, also if LOCKSTEP_CACHE is set"),
			switchFlag("exit-zero", "exit with status 0 whatever is found"),
		},
		Subcommands: []*cli.Command{p.lintRulesCommand(), p.lintExplainCommand()},
		Action:      p.lint,
	}
}

func tierFlag() cli.Flag {
	return &cli.StringFlag{Name: "tier", Usage: "demand what `TIER` does: development, staging or production"}
}

func policyFlag() cli.Flag {
	return &cli.StringFlag{Name: "policy", Usage: "read the policy `FILE`, lockstep.yaml"}
}

// lint judges all inputs, even if one of them cannot be read.
func (p *process) lint(c *cli.Context) error {
	failOn, reports, err := p.lintOptions(c)
	if err != nil {
		return err
	}
	if !c.Args().Present() {
		return withStatus(statusNoInput, schemas.Hint(errors.New("there is nothing to lint"), "name a Piko agent config, or - for standard input"))
	}
	linter, err := p.newLinter(c)
	if err != nil {
		return err
	}
	logger, err := p.logger(c)
	if err != nil {
		return err
	}
	found, faults, err := linter.files(c.Args().Slice())
	if err != nil {
		return err
	}
	if err := reports.write(found); err != nil {
		return err
	}
	if err := linter.cache.save(); err != nil {
		logger.Warn("the next run will start without this one's results", "error", err)
	}
	status := statusOK
	if lint.Summarize(found).Worst().AtLeast(failOn) && !c.Bool("exit-zero") {
		status = statusFindings
	}
	for _, err := range faults {
		status = worse(status, statusOf(err))
	}
	if len(faults) > 0 {
		return withStatus(status, errors.Join(faults...))
	}
	return silent(status)
}

// lintOptions checks the flags before any file is touched.
func (p *process) lintOptions(c *cli.Context) (failOn schemas.Level, reports outputs, err error) {
	failOn = schemas.Level(c.String("fail-on"))
	switch failOn {
	case schemas.LevelInfo, schemas.LevelWarning, schemas.LevelError:
	case schemas.LevelOff:
		fallthrough
	default:
		return "", nil, usage(schemas.Hint(fmt.Errorf("--fail-on %q is no level", failOn), "use one of error, warning, info"))
	}
	reports, err = p.outputs(listOf(c, "output"))
	return failOn, reports, usage(err)
}

// A linter is lint with the inputs of one command line.
type linter struct {
	process *process
	checker func() (*lint.Checker, error)
	cache   *resultCache
	tier    schemas.Tier
	policy  *schemas.Policy
	rollout *schemas.Rollout
	stdin   string
}

func (p *process) newLinter(c *cli.Context) (*linter, error) {
	l := &linter{process: p, stdin: c.String("stdin-name")}
	var err error
	if l.tier, err = tierOf(c); err != nil {
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
	l.checker = sync.OnceValues(lint.NewChecker) // a file that has not changed needs none
	l.cache, err = l.newCache(c, p.now)
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
// collected: a tenth of the time for some 10 MiB.
const gcPercent = 200

// files lints all arguments of the command line on all processors, and keeps
// their order. Faults are of files that cannot be judged and of arguments
// behind which there is none; an error is one of usage, which makes all
// findings moot.
func (l *linter) files(args []string) (found []*lint.Report, faults []error, err error) {
	debug.SetGCPercent(gcPercent)
	in := l.inputs(args)
	results := make([]result, len(in.files))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(in.files)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(in.files)); i = next.Add(1) - 1 {
				results[i] = l.file(in.files[i])
			}
		})
	}
	workers.Wait()
	for _, r := range results {
		found = append(found, r.reports...)
		in.fault(r.err)
	}
	in.faultEmpty(results)
	for _, err := range in.faults {
		if statusOf(err) == statusUsage {
			return nil, nil, err
		}
	}
	return found, in.faults, nil
}

// file lints one file.
func (l *linter) file(f inputFile) result {
	var source []byte
	var err error
	if f.path == "-" {
		f.path = l.stdin
		source, err = io.ReadAll(io.LimitReader(l.process.stdin, inputfile.Limit+1))
		if err == nil && len(source) > inputfile.Limit {
			err = fmt.Errorf("it is larger than %d MiB", inputfile.Limit>>20)
		}
	} else {
		source, err = inputfile.Read(f.path)
	}
	if err != nil {
		return result{err: fmt.Errorf("read %s: %w", f.path, err)}
	}
	return l.cache.result(f, source, func(readFile func(string) ([]byte, error)) result {
		return l.source(f, source, readFile)
	})
}

// source lints the configs in one file.
func (l *linter) source(f inputFile, text []byte, readFile func(string) ([]byte, error)) result {
	sources, err := lint.Sources(f.path, text, f.named)
	r := result{err: err}
	for _, s := range sources {
		checker, err := l.checker()
		if err != nil {
			return result{err: err}
		}
		report, err := checker.CheckSource(s, lint.Input{
			Tier: l.tier, Policy: l.policy, Rollout: l.rollout, ReadFile: readFile,
		})
		if err != nil {
			return result{err: usage(err)}
		}
		r.reports = append(r.reports, report)
	}
	return r
}

// An output is one report and where it goes; an empty file means stdout.
type output struct {
	reporter lint.Reporter
	file     string
	stdout   io.Writer
}

type outputs []output

// outputs reads the values of -o.
func (p *process) outputs(texts []string) (outputs, error) {
	if len(texts) == 0 {
		texts = []string{"text"}
	}
	var all outputs
	toStdout := 0
	for _, text := range texts {
		format, file, _ := strings.Cut(text, "=")
		o := output{file: file, stdout: p.stdout}
		switch format {
		case "text":
			o.reporter = lint.Text{Color: file == "" && p.colour(p.stdout)}
		case "json":
			o.reporter = lint.JSON{}
		default:
			return nil, schemas.Hint(fmt.Errorf("there is no output format %q", format), "use text or json, as in -o json=report.json")
		}
		if file == "" {
			toStdout++
		}
		all = append(all, o)
	}
	if toStdout > 1 {
		return nil, schemas.Hint(errors.New("two reports cannot share standard output"), "send one to a file, as in -o json=report.json")
	}
	return all, nil
}
