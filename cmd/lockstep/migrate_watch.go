package main

import (
	"context"
	"errors"
	"time"

	"github.com/urfave/cli/v2"

	"lockstep/migrate"
	"lockstep/schemas"
)

func (p *process) watchCommand() *cli.Command {
	return &cli.Command{
		Name:  "watch",
		Usage: "follow what is enforced through its bake, and say when to step back",
		Description: "It goes by verified clients alone, and ends with exit status 0 once everything has been enforced for\n" +
			"the bake, or nothing is; 1 if clients are refused, with or without --auto; 4 if evidence is missing or\n" +
			"it was interrupted. With --store each poll reads only what is new.",
		Flags: append(sourceFlags(), rolloutFlag(), policyFlag(),
			&cli.StringFlag{Name: "inventory", Usage: "know the clients of the inventory `FILE`"},
			&cli.StringFlag{Name: "batch", Usage: "watch what the batch `ID` enforces, not everything"},
			&cli.DurationFlag{Name: "interval", Value: time.Minute, Usage: "look every `DURATION`"},
			&cli.DurationFlag{Name: "bake", Value: 24 * time.Hour, Usage: "end once all has been enforced for `DURATION`"},
			switchFlag("auto", "roll back what refuses clients, instead of only saying how")),
		Action: p.watch,
	}
}

func (p *process) watch(c *cli.Context) error {
	if c.Args().Present() {
		return tooMany(c, 0)
	}
	if c.Duration("interval") <= 0 || c.Duration("bake") < 0 {
		return usage(schemas.Hint(errors.New("--interval has to be above zero, --bake not below"), "write them as in 30s and 24h"))
	}
	policy, err := loadPolicy(c.String("policy"))
	if err != nil {
		return err
	}
	inventory, err := loadOptional(c.String("inventory"), schemas.DecodeInventory)
	if err != nil {
		return err
	}
	path := c.String("rollout")
	rollout, err := load(path, schemas.DecodeRollout)
	if err != nil {
		return err
	}
	end, err := migrate.RunWatch(c.Context, migrate.WatchOptions{
		Watch:       migrate.Watch{Policy: policy, Inventory: inventory, Batch: c.String("batch")},
		RolloutPath: path, Interval: c.Duration("interval"), Bake: c.Duration("bake"),
		Auto: c.Bool("auto"), Who: p.who() + " (watch)", Now: p.now, Wait: wait, Out: p.stdout,
		Rollout: func() (*schemas.Rollout, error) { return load(path, schemas.DecodeRollout) },
		Gather:  func(context.Context) (*migrate.Evidence, error) { return p.gather(c, policy, rollout.Environment) },
	})
	if err != nil {
		return err
	}
	switch end {
	case migrate.WatchRefused:
		return silent(statusFindings)
	case migrate.WatchBlind:
		return silent(statusIncomplete)
	case migrate.WatchBaked, migrate.WatchIdle:
	}
	return nil
}

// wait returns once d is over, or ctx is done.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
