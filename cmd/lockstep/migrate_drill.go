package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"lockstep/migrate"
)

func (p *process) drillCommand() *cli.Command {
	return &cli.Command{
		Name:  "drill",
		Usage: "rehearse a rollback on a copy, and record how long it takes",
		Description: "It enforces everything in a copy beside the rollout file, rolls that back, and notes the time in the\n" +
			"journal; no mode changes. With --logs it also says how long nodes took to take up the last steps.",
		Flags: []cli.Flag{
			rolloutFlag(),
			listFlag(cli.GenericFlag{Name: "logs", Usage: "read the heartbeats in the logs of runtimes that `GLOB` matches; may be repeated"}),
		},
		Action: p.drill,
	}
}

func (p *process) drill(c *cli.Context) error {
	if c.Args().Present() {
		return tooMany(c, 0)
	}
	opts := migrate.DrillOptions{RolloutPath: c.String("rollout"), Now: p.now, Who: p.who()}
	if c.IsSet("logs") {
		files, err := migrate.NewFiles(listOf(c, "logs"), p.stdin)
		if err != nil {
			return err
		}
		opts.Files = files
	}
	result, err := migrate.Drill(c.Context, opts)
	if result != nil {
		err = errors.Join(err, result.WriteText(p.stdout))
	}
	if err != nil {
		return withStatus(actStatus(err), err)
	}
	return nil
}
