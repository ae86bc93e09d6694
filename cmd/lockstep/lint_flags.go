package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"lockstep/schemas"
)

// tierFlags say by what a file is judged.
func tierFlags() []cli.Flag {
	return []cli.Flag{
		tierFlag(), policyFlag(), expandFlag(), envFileFlag(),
		&cli.StringFlag{Name: "piko-version", Value: string(schemas.Piko09), Usage: "judge as the agent of Piko `VERSION` does: 0.6, 0.7, 0.8 or 0.9"},
		&cli.StringFlag{Name: "rollout", Usage: "agree with the tier of the rollout `FILE`, and judge that file too"},
		evidenceFlag(),
	}
}

// reportFlags say what is reported, and how.
func reportFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "fail-on", Value: string(schemas.LevelError), Usage: "exit with status 1 from `LEVEL` on: error, warning or info"},
		listFlag(cli.GenericFlag{Name: "output", Aliases: []string{"o"}, Usage: "report as `FORMAT[=FILE]`: " + strings.Join(formats(), ", ") + "; may be repeated"}),
		&cli.StringFlag{Name: "docs-url", EnvVars: []string{"LOCKSTEP_DOCS_URL"}, Usage: "link each rule to its page at `URL`/RULE.md, where you publish docs/rules"},
		&cli.StringFlag{Name: "stdin-name", Value: "stdin", Usage: "call standard input `NAME` in findings and for the policy"},
		switchFlag("exit-zero", "exit with status 0 whatever is found"),
		sinceFlag(),
	}
}

func tierFlag() cli.Flag {
	return &cli.StringFlag{Name: "tier", Usage: "demand what `TIER` does: development, staging or production"}
}

func policyFlag() cli.Flag {
	return &cli.StringFlag{Name: "policy", Usage: "read the policy `FILE`, lockstep.yaml"}
}
