package main

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"lockstep/migrate"
	"lockstep/migrate/apollo"
	"lockstep/schemas"
)

func targetFlag(usage string) cli.Flag {
	return &cli.StringFlag{Name: "target", Value: "file", Usage: usage}
}

// wantsApollo reads --target; an error is one of usage.
func wantsApollo(c *cli.Context) (bool, error) {
	switch target := c.String("target"); target {
	case "", "file":
		return false, nil
	case migrate.TargetApollo:
		return true, nil
	default:
		return false, usage(schemas.Hint(fmt.Errorf("there is no target %q", target), "use file or apollo"))
	}
}

// target is the Apollo of the environment of a rollout, and where the secrets
// of the rollout are; nil if --target asks for none. Nothing is dialled yet.
func (p *process) target(c *cli.Context, policy *schemas.Policy, rollout *schemas.Rollout) (migrate.KeyStore, schemas.SecretSource, error) {
	secrets := p.secrets(filepath.Dir(c.String("rollout")))
	wanted, err := wantsApollo(c)
	if err != nil || !wanted {
		return nil, secrets, err
	}
	store, err := p.keyStore(c, policy, rollout.Environment)
	if err != nil {
		return nil, secrets, err
	}
	return store, secrets, nil
}

// keyStore is the Apollo of an environment, as the policy describes it.
func (p *process) keyStore(c *cli.Context, policy *schemas.Policy, environment string) (*apollo.KeyStore, error) {
	if err := knownEnvironment(policy, environment); err != nil {
		return nil, usage(err)
	}
	target := policy.Environments[environment].Apollo
	if target == nil {
		return nil, usage(schemas.Hint(fmt.Errorf("the policy names no Apollo for environment %s", environment),
			"write `apollo: {admin: URL, nodes: [URL, …]}` under the environment, and give --policy"))
	}
	opts := apollo.Options{
		Admin: target.Admin, Portal: target.Portal, Env: target.Env, Operator: target.Who(), Version: target.Version, Nodes: target.Nodes,
		Now: p.now, Sleep: p.sleep,
	}
	if opts.Env == "" {
		opts.Env = environment
	}
	if target.Token != "" {
		token, err := p.secrets(filepath.Dir(c.String("policy"))).Resolve(target.Token)
		if err != nil {
			return nil, usage(schemas.Hint(fmt.Errorf("the token of Apollo: %w", err), "`token` of the policy says where it is, relative to the policy"))
		}
		opts.Token = token
	}
	logger, err := p.logger(c)
	if err != nil {
		return nil, err
	}
	opts.Logger = logger
	store, err := apollo.New(opts)
	return store, usage(err)
}

// knownEnvironment refuses a name that is not one of those of the policy, if
// there are a name and any of those: of a misspelt one no node is missed.
func knownEnvironment(policy *schemas.Policy, name string) error {
	names := slices.Sorted(maps.Keys(policy.Environments))
	if _, known := policy.Environments[name]; known || name == "" || len(names) == 0 {
		return nil
	}
	hint := "the environments are " + strings.Join(names, ", ")
	if near, ok := schemas.Nearest(name, names); ok {
		hint = fmt.Sprintf("did you mean `%s`?", near)
	}
	return schemas.Hint(fmt.Errorf("the policy has no environment %s", name), hint)
}

// actTarget is target for a command that has read neither policy nor rollout.
func (p *process) actTarget(c *cli.Context, policy *schemas.Policy) (migrate.KeyStore, schemas.SecretSource, error) {
	if wanted, err := wantsApollo(c); err != nil || !wanted {
		return nil, schemas.SecretSource{}, err
	}
	rollout, err := load(c.String("rollout"), schemas.DecodeRollout)
	if err != nil {
		return nil, schemas.SecretSource{}, err
	}
	return p.target(c, policy, rollout)
}

func (p *process) importCommand() *cli.Command {
	return &cli.Command{
		Name:  "import",
		Usage: "write the rollout file of an environment from the keys that Apollo has",
		Description: "Every key becomes a subject in the mode that it is in, with a reference to a file that you put its\n" +
			"secret into; the fingerprint beside it tells which. No secret is written.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "take the keys from `NAME`: apollo", Required: true},
			&cli.StringFlag{Name: "environment", Usage: "of the environment `NAME` of the policy", Required: true},
			&cli.StringFlag{Name: "policy", Usage: "read the policy `FILE`, lockstep.yaml", Required: true},
			listFlag(cli.GenericFlag{Name: "app", Usage: "only the keys of app `A`; may be repeated"}),
			nowFlag(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the rollout to `FILE`, which must not exist yet", Required: true},
		},
		Action: p.importKeys,
	}
}

func (p *process) importKeys(c *cli.Context) error {
	switch from := c.String("from"); {
	case c.Args().Present():
		return tooMany(c, 0)
	case from != migrate.TargetApollo:
		return usage(schemas.Hint(fmt.Errorf("there is nothing to import from %q", from), "use --from apollo"))
	}
	if err := outputOf(c, nil); err != nil {
		return err
	}
	policy, err := loadPolicy(c.String("policy"))
	if err != nil {
		return err
	}
	now, err := p.nowOf(c)
	if err != nil {
		return err
	}
	environment := c.String("environment")
	store, err := p.keyStore(c, policy, environment)
	if err != nil {
		return err
	}
	imported, err := store.Import(c.Context, apollo.ImportOptions{
		Environment: environment, Tier: policy.Environments[environment].Tier, Apps: listOf(c, "app"), Now: now,
	})
	if errors.Is(err, apollo.ErrNoApp) {
		return usage(err)
	}
	if err != nil {
		return err
	}
	if err := writeNew(c.String("output"), imported.Text); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "apps: %d\nkeys: %d\n", imported.Apps, imported.Keys)
	if len(imported.Left) > 0 {
		return schemas.Hint(errors.New("left out, as these cannot be subjects: "+strings.Join(imported.Left, ", ")), "Apollo 2.5.2 refuses such app ids, too")
	}
	return nil
}
