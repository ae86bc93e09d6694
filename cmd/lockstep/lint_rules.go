package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"lockstep/lint"
	"lockstep/schemas"
)

func (p *process) lintRulesCommand() *cli.Command {
	return &cli.Command{
		Name:  "rules",
		Usage: "list the rules with their level in development, staging and production",
		Flags: []cli.Flag{switchFlag("json", "print all that is known of them, for programs")},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return tooMany(c, 0)
			}
			if c.Bool("json") {
				return lint.WriteCatalogue(p.stdout)
			}
			for _, r := range lint.Rules() {
				fmt.Fprintf(p.stdout, "%-5s %-32s", r.ID, r.Slug)
				for _, tier := range schemas.Tiers() {
					fmt.Fprintf(p.stdout, " %-8s", r.Levels[tier])
				}
				fmt.Fprintln(p.stdout)
			}
			return nil
		},
	}
}

func (p *process) lintExplainCommand() *cli.Command {
	return &cli.Command{
		Name:         "explain",
		Usage:        "print the page of a rule: why it matters, a bad and a good example",
		ArgsUsage:    "RULE",
		BashComplete: func(*cli.Context) { p.listRules() },
		Action: func(c *cli.Context) error {
			id, err := oneArgument(c, "the id of a rule")
			if err != nil {
				return err
			}
			rule, err := lint.RuleByID(id)
			if err != nil {
				return usage(err)
			}
			_, err = fmt.Fprint(p.stdout, rule.Page())
			return err
		},
	}
}

func (p *process) listRules() {
	for _, r := range lint.Rules() {
		fmt.Fprintln(p.stdout, r.ID)
	}
}
