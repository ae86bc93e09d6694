package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"lockstep/migrate"
	"lockstep/schemas"
)

// inputFlags are those of all that a plan is made from.
func inputFlags() []cli.Flag {
	return append(sourceFlags(), rolloutFlag(), policyFlag(),
		inventoryFlag(),
		listFlag(cli.GenericFlag{Name: "after", Usage: "enforce an app only after the rollout `FILE` does, such as that of staging; may be repeated"}))
}

func inventoryFlag() cli.Flag {
	return &cli.StringFlag{Name: "inventory", Usage: "expect the clients of the inventory `FILE`"}
}

func (p *process) replayCommand() *cli.Command {
	return &cli.Command{
		Name:      "replay",
		Usage:     "make a plan again from its inputs, and compare",
		ArgsUsage: "PLAN",
		Description: "The plan is made at its own time, and has to be the same byte for byte. The exit status is 1\n" +
			"if it is not; what is printed says which input differs, and where the plans begin to.",
		Flags:  inputFlags(),
		Action: p.replay,
	}
}

func (p *process) replay(c *cli.Context) error {
	path, err := oneArgument(c, "the path of a plan")
	if err != nil {
		return err
	}
	plan, err := load(path, schemas.DecodePlan)
	if err != nil {
		return err
	}
	text, err := readDocument(path)
	if err != nil {
		return err
	}
	in, err := p.planInput(c)
	if err != nil {
		return err
	}
	defer in.Evidence.Close()
	differences, err := migrate.Replay(plan, text.Source, in)
	if err != nil {
		return usage(err)
	}
	if len(differences) > 0 {
		for _, d := range differences {
			fmt.Fprintln(p.stdout, d)
		}
		return silent(statusFindings)
	}
	fmt.Fprintf(p.stdout, "plan %s: made again from its inputs, the same byte for byte\n", plan.ID)
	return nil
}

// signPlan signs a plan with the key that --sign-key refers to, if it is given.
func (p *process) signPlan(c *cli.Context, plan *schemas.Plan) error {
	if !c.IsSet("sign-key") {
		return nil
	}
	key, err := p.secrets(".").Resolve(schemas.SecretRef(c.String("sign-key")))
	if err != nil {
		return usage(fmt.Errorf("--sign-key: %w", err))
	}
	if err := plan.Sign(key); err != nil {
		return usage(fmt.Errorf("--sign-key: %w", err))
	}
	return nil
}
