package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"lockstep/internal/atomicfile"
	"lockstep/migrate"
	"lockstep/migrate/apollo"
	"lockstep/migrate/logdb"
	"lockstep/schemas"
)

func (p *process) migrateCommand() *cli.Command {
	return &cli.Command{
		Name:  "migrate",
		Usage: "plan a staged rollout from event logs, apply it, roll it back",
		Subcommands: []*cli.Command{
			p.evidenceCommand(), p.inventoryCommand(), p.planCommand(), p.replayCommand(), p.applyCommand(), p.rollbackCommand(),
			p.journalCommand(), p.statusCommand(), p.explainCommand(), p.diffCommand(), p.reportCommand(),
			p.watchCommand(), p.drillCommand(), p.backtestCommand(), p.verifyLogCommand(), p.importCommand(), p.scanCommand(),
		},
	}
}

// logsFlags say what evidence is gathered from.
func logsFlags(required bool) []cli.Flag {
	return []cli.Flag{
		listFlag(cli.GenericFlag{Name: "logs", Usage: "read the logs that `GLOB` matches, plain, gzip or zstd; a directory, or - for standard input; may be repeated", Required: required}),
		&cli.StringFlag{Name: "dialect", Value: "event", Usage: "read the logs as `NAME`: event, apollo (of its config service), a mapping of the policy, or nginx, envoy, caddy, tomcat, traefik"},
		&cli.StringFlag{Name: "timezone", Usage: "of the times in the logs, if they have none: `ZONE` such as Asia/Shanghai"},
		&cli.StringFlag{Name: "store", Usage: "keep what was read in the SQLite `FILE`, and go on from there the next time"},
		&cli.IntFlag{Name: "memory", Value: migrate.DefaultMemory >> 20, Usage: "keep tallies beyond `MIB` in temporary files"},
	}
}

func environmentFlag() cli.Flag {
	return &cli.StringFlag{Name: "environment", Usage: "of the environment `NAME`, if the logs are of several or do not say"}
}

func rolloutFlag() cli.Flag {
	return &cli.StringFlag{Name: "rollout", Usage: "read the rollout `FILE`", Required: true}
}

func nowFlag() cli.Flag {
	return &cli.StringFlag{Name: "now", Usage: "decide as if it were `TIME`, as in 2026-01-31T12:00:00Z"}
}

// logs finds the logs, and says how to read them.
func (p *process) logs(c *cli.Context, policy *schemas.Policy, environment string) (*migrate.Files, migrate.Options, error) {
	opts := migrate.Options{Environment: environment, Store: c.String("store"), Memory: int64(c.Int("memory")) << 20, Now: p.now}
	if opts.Memory <= 0 {
		return nil, opts, usage(errors.New("--memory has to be at least 1"))
	}
	var err error
	if opts.Dialect, err = dialect(c, policy, environment); err != nil {
		return nil, opts, usage(err)
	}
	if opts.Beside, err = p.contributors(c, &opts); err != nil {
		return nil, opts, err
	}
	patterns := listOf(c, "logs")
	if len(opts.Beside) > 0 && len(patterns) == 0 {
		return &migrate.Files{}, opts, nil
	}
	files, err := migrate.NewFiles(patterns, p.stdin)
	if len(patterns) == 0 {
		err = usage(err)
	}
	return files, opts, err
}

// dialect finds the dialect of the flags: Apollo's own, or one of migrate's.
func dialect(c *cli.Context, policy *schemas.Policy, environment string) (migrate.Dialect, error) {
	selection := migrate.Selection{
		Name: c.String("dialect"), Mappings: policy.Mappings, Timezone: c.String("timezone"), Environment: environment,
		Nodes: policy.Environments[environment].Nodes,
	}
	if d, ok, err := apollo.NewDialect(selection, policy.Environments[environment].Nodes); ok {
		return d, err
	}
	return migrate.NewDialect(selection)
}

// gather folds the logs of one environment, with a bar if that takes long.
func (p *process) gather(c *cli.Context, policy *schemas.Policy, environment string) (*migrate.Evidence, error) {
	files, opts, err := p.logs(c, policy, environment)
	if err != nil {
		return nil, err
	}
	bar := p.newBar(files)
	defer bar.clear()
	opts.Progress = bar.update
	p.boundCollector(opts.Memory)
	evidence, err := migrate.Gather(c.Context, files, opts)
	if errors.Is(err, migrate.ErrTimezone) {
		return nil, usage(err)
	}
	return evidence, err
}

func (p *process) evidenceCommand() *cli.Command {
	return &cli.Command{
		Name:  "evidence",
		Usage: "show who called and whether they would pass, and how complete the logs are",
		Description: "The exit status is 4 if the logs are incomplete: lines that were not understood, hours\n" +
			"without a sign of life, or a process that was ended without a last word, as by kill -9.",
		Flags: append(
			sourceFlags(), policyFlag(), environmentFlag(), formatFlag(),
			&cli.IntFlag{Name: "dry-run", Usage: "only show how the first `N` lines are understood, and what log databases would be asked"},
		),
		Action: p.evidence,
	}
}

func (p *process) evidence(c *cli.Context) error {
	if c.Args().Present() {
		return tooMany(c, 0)
	}
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	policy, err := loadPolicy(c.String("policy"))
	if err == nil {
		err = usage(knownEnvironment(policy, c.String("environment")))
	}
	if err != nil {
		return err
	}
	if c.IsSet("dry-run") {
		return p.dryRun(c, policy)
	}
	evidence, err := p.gather(c, policy, c.String("environment"))
	if err != nil {
		return err
	}
	write := evidence.WriteText
	if asJSON {
		write = evidence.WriteJSON
	}
	if err := errors.Join(write(p.stdout), evidence.Close()); err != nil {
		return err
	}
	return evidenceStatus(evidence, c.String("environment"))
}

// dryRun shows how lines are understood; nothing is folded or stored.
func (p *process) dryRun(c *cli.Context, policy *schemas.Policy) error {
	files, opts, err := p.logs(c, policy, c.String("environment"))
	if err != nil {
		return err
	}
	for _, beside := range opts.Beside {
		if database, ok := beside.(*migrate.LogDatabase); ok {
			if err := database.WriteQueries(p.stdout); err != nil {
				return err
			}
		}
	}
	return migrate.DryRun(c.Context, p.stdout, files, opts, c.Int("dry-run"))
}

func noEvent() error {
	return schemas.Hint(errors.New("there is no event in these logs"), "see with `lockstep migrate evidence --dry-run 10` how lines are understood")
}

// evidenceStatus says whether the evidence can be relied on.
func evidenceStatus(e *migrate.Evidence, environment string) error {
	silence := e.Silent()
	switch {
	case len(e.Unknown) > 0:
		return silent(statusIncomplete)
	case silence && environment != "" && !e.FailuresOnly && e.Coverage.Ignored > 0:
		return schemas.Hint(fmt.Errorf("no event is of environment %s", environment), "leave --environment out to see what there is")
	case silence:
		return noEvent()
	case e.Coverage.Unparsed > 0 || e.Coverage.Shorter > 0 || len(e.Gaps) > 0:
		return silent(statusIncomplete)
	}
	for _, n := range e.Nodes {
		if n.First.IsZero() || len(n.Twins) > 0 { // without a heartbeat, or with those of two, nobody knows what is missing
			return silent(statusIncomplete)
		}
	}
	return nil
}

func (p *process) planCommand() *cli.Command {
	return &cli.Command{
		Name:  "plan",
		Usage: "propose the steps that the evidence allows",
		Description: "The plan goes to the file of -o, what it says to standard output. Nothing is changed: applying\n" +
			"it is a separate act. The exit status is 1 if nothing is ready, 4 if that is for lack of evidence.",
		Flags: append(planFlags(),
			listFlag(cli.GenericFlag{Name: "retire", Usage: "take the enforced key `SUBJECT` away beside another one of its app; may be repeated"}),
			targetFlag("plan for `TARGET`: file, or apollo, whose keys are looked at and must be the same when the plan is applied"),
			&cli.StringFlag{Name: "sign-key", Usage: "sign the plan with the ed25519 key (PEM) that `REF` refers to, file:PATH or env:NAME"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the plan to `FILE`", Required: true}),
		Action: p.plan,
	}
}

// planFlags name all that a plan is made from.
func planFlags() []cli.Flag { return append(inputFlags(), nowFlag()) }

// planFiles lists the files that the flags name, and those in directories.
func planFiles(c *cli.Context) []string {
	files := append([]string{c.String("rollout"), c.String("policy"), c.String("inventory"), c.String("store")}, listOf(c, "after")...)
	patterns := slices.Clone(listOf(c, "logs"))
	for _, text := range fromOf(c) {
		if glob, ok := strings.CutPrefix(text, scanScheme); ok {
			patterns = append(patterns, glob)
		} else if address, err := logdb.ParseAddress(text); err == nil && address.Engine == schemas.EngineDuckDB {
			files = append(files, address.Path)
		}
	}
	for _, pattern := range patterns {
		matches, _ := filepath.Glob(pattern) // a bad pattern is refused when it is read
		for _, match := range matches {
			_ = filepath.WalkDir(match, func(path string, _ fs.DirEntry, _ error) error {
				files = append(files, path)
				return nil // what cannot be walked is refused when it is read
			})
		}
	}
	return files
}

func (p *process) plan(c *cli.Context) error {
	if c.Args().Present() {
		return tooMany(c, 0)
	}
	if err := outputOf(c, append(planFiles(c), strings.TrimPrefix(c.String("sign-key"), "file:"))); err != nil {
		return err
	}
	in, err := p.planInput(c)
	if err != nil {
		return err
	}
	defer in.Evidence.Close()
	in.Retire = listOf(c, "retire")
	plan, err := migrate.NewPlan(in)
	if err != nil {
		return usage(err)
	}
	if err := p.signPlan(c, plan); err != nil {
		return err
	}
	text, err := plan.Encode()
	if err != nil {
		return err
	}
	if err := atomicfile.Write(c.String("output"), text, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", c.String("output"), err)
	}
	if err := migrate.WritePlan(p.stdout, plan, c.String("output"), c.String("rollout")); err != nil {
		return err
	}
	return silent(planStatus(plan))
}

// planInput reads all that a plan is made from.
func (p *process) planInput(c *cli.Context) (in migrate.Input, err error) {
	if in.Now, err = p.nowOf(c); err != nil {
		return in, err
	}
	path := c.String("rollout")
	if in.Rollout, err = load(path, schemas.DecodeRollout); err != nil {
		return in, err
	}
	if in.Policy, err = loadPolicy(c.String("policy")); err != nil {
		return in, err
	}
	if in.Inventory, err = loadOptional(c.String("inventory"), schemas.DecodeInventory); err != nil {
		return in, err
	}
	for _, path := range listOf(c, "after") {
		earlier, err := load(path, schemas.DecodeRollout)
		if err != nil {
			return in, err
		}
		in.Earlier = append(in.Earlier, earlier)
	}
	in.Secrets = migrate.CheckSecrets(in.Rollout, p.secrets(filepath.Dir(path)))
	if target, secrets, err := p.target(c, in.Policy, in.Rollout); err != nil {
		return in, err
	} else if target != nil {
		if in.Target, err = migrate.TargetImage(c.Context, target, in.Rollout, secrets); err != nil {
			return in, err
		}
	}
	in.Evidence, err = p.gather(c, in.Policy, in.Rollout.Environment)
	return in, err
}

// nowOf is --now, or the time of the clock.
func (p *process) nowOf(c *cli.Context) (time.Time, error) {
	if !c.IsSet("now") {
		return p.now(), nil
	}
	now, err := time.Parse(time.RFC3339, c.String("now"))
	if err != nil {
		return now, usage(schemas.Hint(errors.New("--now is not a time"), "write it as in 2026-01-31T12:00:00Z"))
	}
	return now, nil
}

// planStatus says whether there is anything to apply or everything is done,
// and if not, whether that is for lack of evidence.
func planStatus(plan *schemas.Plan) int {
	if len(plan.Batches) > 0 || len(plan.Subjects) == 0 {
		return statusOK
	}
	status := statusFindings
	for _, s := range plan.Subjects {
		if s.Verdict == schemas.VerdictInconclusive {
			status = worse(status, statusIncomplete)
		}
	}
	return status
}

// who is the person in front of the keyboard, for the journal.
func (*process) who() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "unknown"
}
