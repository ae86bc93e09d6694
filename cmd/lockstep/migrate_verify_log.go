package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"lockstep/internal/atomicfile"
	"lockstep/migrate"
	"lockstep/schemas"
)

func (p *process) verifyLogCommand() *cli.Command {
	flags := []cli.Flag{
		listFlag(cli.GenericFlag{Name: "key", Usage: "look for signatures of the key `SUBJECT=REF`, as in key/demo/k2=file:k2.key or =env:NAME; may be repeated"}),
		&cli.StringFlag{Name: "rollout", Usage: "look for all keys of the rollout `FILE`"},
		policyFlag(),
		&cli.StringFlag{Name: "environment", Usage: "say that the logs are of the environment `NAME`; that of --rollout, if there is one"},
		&cli.DurationFlag{Name: "tolerance", Value: time.Minute, Usage: "how far a timestamp may be off: `TIME` as in Apollo's auth-time-diff-tolerance"},
		listFlag(cli.GenericFlag{Name: "prefix", Usage: "try whether a proxy has taken `PATH` off, beside usual ones such as /apollo; may be repeated"}),
		formatFlag(),
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write what was verified as events to `FILE`, for --logs of other commands"},
	}
	return &cli.Command{
		Name:  "verify-log",
		Usage: "verify the signatures in access logs by any keys: who signs with which, and why others fail",
		Description: "The log has to hold the raw target, Timestamp and Authorization of each request. Nothing that is secret is\n" +
			"printed. The exit status is 1 if a request fails, 4 if logs or keys are incomplete.",
		Flags:  append(flags, withoutStore(logsFlags(true))...),
		Action: p.verifyLog,
	}
}

// withoutStore leaves out --store, which keeps no causes.
func withoutStore(flags []cli.Flag) []cli.Flag {
	var kept []cli.Flag
	for _, f := range flags {
		if f.Names()[0] != "store" {
			kept = append(kept, f)
		}
	}
	return kept
}

func (p *process) verifyLog(c *cli.Context) error {
	if c.Args().Present() {
		return tooMany(c, 0)
	}
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	inputs := planFiles(c)
	for _, key := range listOf(c, "key") {
		_, ref, _ := strings.Cut(key, "=")
		inputs = append(inputs, strings.TrimPrefix(ref, "file:"))
	}
	if err := outputOf(c, inputs); err != nil {
		return err
	}
	opts, err := p.verifierOptions(c)
	if err != nil {
		return err
	}
	verifier, err := migrate.NewLogVerifier(opts)
	if err != nil {
		return usage(err)
	}
	v, err := p.verifyLogs(c, verifier, opts.Selection.Environment)
	if err != nil {
		return err
	}
	write := v.WriteText
	if asJSON {
		write = v.WriteJSON
	}
	if err := errors.Join(write(p.stdout), writeEvents(c.String("output"), v), v.Close()); err != nil {
		return err
	}
	return verifyStatus(v, opts.Selection.Environment)
}

// verifyLogs verifies the logs, with a bar if that takes long.
func (p *process) verifyLogs(c *cli.Context, verifier *migrate.LogVerifier, environment string) (*migrate.Verification, error) {
	opts := migrate.Options{Environment: environment, Memory: int64(c.Int("memory")) << 20}
	if opts.Memory <= 0 {
		return nil, usage(errors.New("--memory has to be at least 1"))
	}
	files, err := migrate.NewFiles(listOf(c, "logs"), p.stdin)
	if err != nil {
		return nil, err
	}
	bar := p.newBar(files)
	defer bar.clear()
	opts.Progress = bar.update
	return verifier.Verify(c.Context, files, opts)
}

// verifierOptions reads the flags that say what to verify by.
func (p *process) verifierOptions(c *cli.Context) (migrate.VerifierOptions, error) {
	opts := migrate.VerifierOptions{Tolerance: c.Duration("tolerance"), Prefixes: listOf(c, "prefix")}
	switch {
	case opts.Tolerance <= 0:
		return opts, usage(errors.New("--tolerance has to be more than nothing"))
	case slices.ContainsFunc(opts.Prefixes, func(p string) bool { return !strings.HasPrefix(p, "/") || strings.HasSuffix(p, "/") }):
		return opts, usage(schemas.Hint(errors.New("--prefix is no beginning of a path"), "write it as in /apollo"))
	}
	policy, err := loadPolicy(c.String("policy"))
	if err == nil {
		err = usage(knownEnvironment(policy, c.String("environment")))
	}
	if err != nil {
		return opts, err
	}
	opts.Selection = migrate.Selection{
		Name: c.String("dialect"), Mappings: policy.Mappings, Timezone: c.String("timezone"), Environment: c.String("environment"),
	}
	if path := c.String("rollout"); path != "" {
		rollout, err := load(path, schemas.DecodeRollout)
		switch {
		case err != nil:
			return opts, err
		case c.IsSet("environment") && c.String("environment") != rollout.Environment:
			return opts, usage(errors.New("--environment is not that of --rollout"))
		}
		opts.Selection.Environment = rollout.Environment
		opts.Keys = migrate.CandidateKeys(rollout.At(p.now()), p.secrets(filepath.Dir(path)))
	}
	opts.Selection.Nodes = policy.Environments[opts.Selection.Environment].Nodes
	keys, err := p.candidates(listOf(c, "key"))
	if opts.Keys = append(opts.Keys, keys...); err == nil && len(opts.Keys) == 0 {
		err = usage(schemas.Hint(errors.New("there is no key to look for"), "give --rollout, or --key key/<app>/<id>=REF"))
	}
	return opts, err
}

// candidates reads the values of --key. A value that is no reference may be a
// secret, and is not quoted.
func (p *process) candidates(values []string) ([]migrate.CandidateKey, error) {
	var keys []migrate.CandidateKey
	for _, value := range values {
		name, ref, ok := strings.Cut(value, "=")
		subject, err := schemas.ParseSubject(name)
		if !ok || err != nil || subject.ID == "" {
			return nil, usage(schemas.Hint(errors.New("--key is not like SUBJECT=REF"), "write --key key/<app>/<id>=file:PATH or =env:NAME"))
		}
		if err := schemas.SecretRef(ref).Check(); err != nil {
			return nil, usage(fmt.Errorf("--key %s: %w", subject, err))
		}
		secret, err := p.secrets(".").Resolve(schemas.SecretRef(ref))
		if err != nil {
			return nil, fmt.Errorf("--key %s: %w", subject, err)
		}
		keys = append(keys, migrate.CandidateKey{Subject: subject, Secret: secret, Mode: schemas.ModeObserve})
	}
	return keys, nil
}

func writeEvents(path string, v *migrate.Verification) error {
	if path == "" {
		return nil
	}
	if err := atomicfile.Create(path, 0o644, v.WriteEvents); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// verifyStatus says whether all is right, and whether all was looked at.
func verifyStatus(v *migrate.Verification, environment string) error {
	if v.Coverage.Parsed == 0 && v.Coverage.Unparsed == 0 {
		return schemas.Hint(errors.New("no request in these logs is to an app of these keys"), "see with `lockstep migrate evidence --dry-run 10` how lines are understood")
	}
	status := statusOK
	for _, use := range v.Uses() {
		if use.Error != "" {
			status = statusIncomplete
		}
	}
	if v.Failed() {
		status = worse(status, statusFindings)
	}
	if err := evidenceStatus(v.Evidence, environment); err != nil {
		status = worse(status, statusOf(err))
	}
	return silent(status)
}
