package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

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
			"are opened relative to the working directory, as the agent does. Nothing is dialled or written.\n\n" +
			"Without --tier, the tier comes from a comment `# lockstep: tier=staging` at the top of the file\n" +
			"or from the policy; a file of which nothing is known is judged as production.",
		Flags: []cli.Flag{
			tierFlag(), policyFlag(), expandFlag(), envFileFlag(),
			&cli.StringFlag{Name: "piko-version", Value: string(schemas.Piko09), Usage: "judge as the agent of Piko `VERSION` does: 0.6, 0.7, 0.8 or 0.9"},
			&cli.StringFlag{Name: "rollout", Usage: "also agree with the tier of the rollout `FILE`"},
			&cli.StringFlag{Name: "fail-on", Value: string(schemas.LevelError), Usage: "exit with status 1 from `LEVEL` on: error, warning or info"},
			listFlag(cli.GenericFlag{Name: "output", Aliases: []string{"o"}, Usage: "report as `FORMAT[=FILE]`, text or json; may be repeated"}),
			&cli.StringFlag{Name: "stdin-name", Value: "stdin", Usage: "call standard input `NAME` in findings and for the policy"},
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
	var found []*lint.Report
	var unread []error
	for _, path := range c.Args().Slice() {
		report, err := linter.file(path)
		if statusOf(err) == statusUsage {
			return err
		}
		if err != nil {
			unread = append(unread, err)
			continue
		}
		found = append(found, report)
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
	checker *lint.Checker
	tier    schemas.Tier
	policy  *schemas.Policy
	rollout *schemas.Rollout
	expand  expander
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
	if l.expand, err = p.expander(c); err != nil {
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

// file lints one argument of the command line.
func (l *linter) file(path string) (*lint.Report, error) {
	name, source, err := l.read(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	in := lint.Input{
		Path: name, Tier: l.tier, Policy: l.policy, Rollout: l.rollout, ReadFile: inputfile.Read,
	}
	if l.expand == nil {
		in.Document, in.Err = schemas.ParseDocument(name, source)
	} else {
		expansion, err := l.expand(source)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		in.Expansion = expansion
		in.Document, in.Err = schemas.ParseExpanded(name, expansion)
	}
	report, err := l.checker.Check(in)
	return report, usage(err)
}

// read returns the name that a file goes by, and what is in it.
func (l *linter) read(path string) (name string, source []byte, err error) {
	if path != "-" {
		source, err = inputfile.Read(path)
		return path, source, err
	}
	source, err = io.ReadAll(io.LimitReader(l.process.stdin, inputfile.Limit+1))
	if err == nil && len(source) > inputfile.Limit {
		err = fmt.Errorf("it is larger than %d MiB", inputfile.Limit>>20)
	}
	return l.stdin, source, err
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
