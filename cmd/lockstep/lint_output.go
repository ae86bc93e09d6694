package main

import (
	"bytes"
	"fmt"

	"github.com/urfave/cli/v2"

	"lockstep/internal/atomicfile"
	"lockstep/lint"
	"lockstep/schemas"
)

// write sends the findings to every output. A file appears whole or not at all.
func (all outputs) write(reports []*lint.Report) error {
	for _, o := range all {
		if o.file == "" {
			if err := o.reporter.Report(o.stdout, reports); err != nil {
				return err
			}
			continue
		}
		var text bytes.Buffer
		if err := o.reporter.Report(&text, reports); err != nil {
			return err
		}
		if err := atomicfile.Write(o.file, text.Bytes(), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", o.file, err)
		}
	}
	return nil
}

func (p *process) lintRulesCommand() *cli.Command {
	return &cli.Command{
		Name:  "rules",
		Usage: "list the rules with their level in development, staging and production",
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return tooMany(c, 0)
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
		Usage:        "say what a rule is about and why it matters",
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
			fmt.Fprintf(p.stdout, "%s %s: %s\n\n%s\n\n", rule.ID, rule.Slug, rule.Title, rule.Doc)
			for _, tier := range schemas.Tiers() {
				fmt.Fprintf(p.stdout, "%-12s %s\n", tier, rule.Levels[tier])
			}
			if rule.Binding {
				fmt.Fprintln(p.stdout, "\nIn production it cannot be suppressed.")
			}
			return nil
		},
	}
}

func (p *process) listRules() {
	for _, r := range lint.Rules() {
		fmt.Fprintln(p.stdout, r.ID)
	}
}
