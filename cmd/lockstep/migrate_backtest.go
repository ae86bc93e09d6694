package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"lockstep/migrate"
	"lockstep/schemas"
)

func (p *process) backtestCommand() *cli.Command {
	return &cli.Command{
		Name:  "backtest",
		Usage: "ask what today's gate would have said on old logs, day by day, and what happened then",
		Description: "It supposes that each app was observed from its first request in the logs on, with the keys of now.\n" +
			"The exit status is 1 if clients failed soon after a day on which an app would have been promoted.",
		Flags: append(logsFlags(false), rolloutFlag(), policyFlag(),
			inventoryFlag(),
			&cli.StringFlag{Name: "from", Usage: "begin with the `DAY`, as in 2026-01-31"},
			&cli.StringFlag{Name: "to", Usage: "end with the `DAY`, as in 2026-02-28"},
			&cli.IntFlag{Name: "horizon", Value: 35, Usage: "hold failures within `DAYS` days against a verdict"},
			formatFlag()),
		Action: p.backtest,
	}
}

func (p *process) backtest(c *cli.Context) error {
	if c.Args().Present() {
		return tooMany(c, 0)
	}
	asJSON, err := wantsJSON(c)
	if err == nil {
		err = refuseSource(c)
	}
	switch {
	case err != nil:
		return err
	case len(listOf(c, "logs")) == 0:
		return usage(schemas.Hint(errors.New("there are no logs to read"), "name them with --logs 'events-*.jsonl'"))
	case c.Int("horizon") < 1 || c.Int("horizon") > 366:
		return usage(errors.New("--horizon has to be between 1 and 366"))
	}
	b, err := p.backtestInput(c)
	if err != nil {
		return err
	}
	defer b.Evidence.Close()
	counting := p.newCounting("judged days", len(b.Days()))
	b.Progress = counting.add
	judged, err := b.Run(c.Context)
	counting.stop()
	if err != nil {
		return err
	}
	report := migrate.NewBacktestReport(judged, b.Horizon)
	write := report.WriteText
	if asJSON {
		write = report.WriteJSON
	}
	if err := write(p.stdout); err != nil {
		return err
	}
	switch {
	case len(judged) == 0:
		return silent(statusIncomplete)
	case report.Harmed():
		return silent(statusFindings)
	}
	return nil
}

// backtestInput reads all that a backtest needs.
func (p *process) backtestInput(c *cli.Context) (b *migrate.Backtest, err error) {
	b = &migrate.Backtest{Horizon: time.Duration(c.Int("horizon")) * 24 * time.Hour}
	if b.From, err = dayOf(c, "from"); err != nil {
		return nil, err
	}
	if b.To, err = dayOf(c, "to"); err != nil {
		return nil, err
	}
	if b.Rollout, err = load(c.String("rollout"), schemas.DecodeRollout); err != nil {
		return nil, err
	}
	if b.Policy, err = loadPolicy(c.String("policy")); err != nil {
		return nil, err
	}
	if b.Inventory, err = loadOptional(c.String("inventory"), schemas.DecodeInventory); err != nil {
		return nil, err
	}
	b.Evidence, err = p.gather(c, b.Policy, b.Rollout.Environment)
	return b, err
}

// dayOf is the day that a flag names, zero if it is not given.
func dayOf(c *cli.Context, flag string) (time.Time, error) {
	if !c.IsSet(flag) {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, c.String(flag))
	if err != nil {
		return day, usage(schemas.Hint(fmt.Errorf("--%s is not a day", flag), "write it as in 2026-01-31"))
	}
	return day, nil
}
