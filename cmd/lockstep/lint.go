package main

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/urfave/cli/v2"

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
			"- reads standard input. Rollout files are judged too, by the rules K801 to K816, and so is that of\n" +
			"--rollout. Hidden directories, node_modules and vendor are left out, links to directories are not\n" +
			"followed. Files that a config names are opened relative to the working directory, as the agent\n" +
			"does, unless --root or --map say where they lie here. Nothing is dialled without --probe, and then\n" +
			"only hosts that --probe-allow names: an IP address or a network stands for what is written as an\n" +
			"address, link-local and metadata addresses are never dialled. Nothing is written without --fix,\n" +
			"--probe-save or --cache; from standard input --fix writes to standard\n" +
			"output, and reports to standard error.\n\n" +
			"Without --tier, the tier comes from a comment `# lockstep: tier=staging` at the top of the file,\n" +
			"from the policy, or from labels (lockstep/tier, environment, env, tier) and the namespace of a\n" +
			"manifest; a file of which nothing is known is judged as production.",
		Flags:       slices.Concat(tierFlags(), filesFlags(), probeFlags(), reportFlags(), baselineFlags(), fixFlags(), cacheFlags()),
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
	logger, err := p.logger(c)
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
	inputs := append(c.Args().Slice(), c.String("policy"), c.String("rollout"), c.String("probe-from"))
	if err := errors.Join(reports.check(inputs), linter.probing.check(inputs, reports.outputs)); err != nil {
		return usage(err)
	}
	linter.inventory = reports.inventory()
	if err := linter.probe(c.Context, c.Args().Slice()); err != nil {
		return err
	}
	reports.compare = c.String("baseline") != "" || linter.history != nil
	if linter.cache, err = linter.newCache(c); err != nil {
		return err
	}
	found, faults, err := linter.judge(c.Context, c.Args().Slice())
	if err != nil {
		return err
	}
	faults = append(faults, unanswered(found)...)
	reports.unread = faults
	if linter.fixer.diff {
		return linter.fixer.report(p, found, faults)
	}
	if err := linter.writeBaseline(c.String("write-baseline"), found, faults); err != nil {
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
	return statusWith(status, faults)
}

// statusWith ends with the worst of a status and those of faults.
func statusWith(status int, faults []error) error {
	if len(faults) == 0 {
		return silent(status)
	}
	for _, err := range faults {
		status = worse(status, statusOf(err))
	}
	return withStatus(status, errors.Join(faults...))
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
	checker func() (*lint.Checker, error)
	cache   *resultCache
	tier    schemas.Tier
	policy  *schemas.Policy
	rollout *schemas.Rollout
	seen    map[string]lint.Handshakes // with upstreams; nil without --evidence
	expand  expander
	stdin   string
	typed   *typedInput
	probing probing
	probes  *lint.Probes // nil if nobody asks the upstreams

	rolloutPath string             // empty without --rollout
	others      []lint.RolloutFile // found in this run; none until all files were judged once
	served      lint.Served        // by their configs, likewise

	baseline *lint.Baseline
	fixer    *fixer
	history  *history

	inventory bool // some output lists the listeners
	mode      lint.FileMode
	files     fileTree
}

func (p *process) newLinter(c *cli.Context) (*linter, error) {
	l := &linter{process: p, stdin: c.String("stdin-name"), typed: &typedInput{}}
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
		l.rolloutPath = path
		if l.rollout, err = load(path, decodeRollout); err != nil {
			return nil, err
		}
	}
	if l.seen, err = loadHandshakes(c); err != nil {
		return nil, err
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
	if l.probing, l.probes, err = p.newProbing(c); err != nil {
		return nil, err
	}
	version, err := schemas.ParsePikoVersion(c.String("piko-version"))
	if err != nil {
		return nil, usage(fmt.Errorf("--piko-version: %w", err))
	}
	// A file that has not changed needs none.
	l.checker = sync.OnceValues(func() (*lint.Checker, error) { return lint.NewCheckerFor(version) })
	return l, err
}

// decodeRollout also takes a rollout file that lockstep run would refuse, if it
// can be judged: then what is wrong with it is a finding.
func decodeRollout(doc *schemas.Document) (*schemas.Rollout, error) {
	rollout, err := schemas.DecodeRollout(doc)
	if err == nil {
		return rollout, nil
	}
	if part, ok := lint.PartOfRollout(doc); ok {
		return part, nil
	}
	return nil, err
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
