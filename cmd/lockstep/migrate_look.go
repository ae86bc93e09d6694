package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"lockstep/migrate"
	"lockstep/schemas"
)

// The exit statuses of `migrate status`, for a job that asks every hour.
const (
	statusWaiting      = 10
	statusBlocked      = 20
	statusInconclusive = 30
	statusDrift        = 40
)

func (p *process) statusCommand() *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "say where the rollout stands, by exit status too",
		Description: "Exit status: 0 a step may be taken, or all are; 10 waiting; 20 blocked by clients that would be refused;\n" +
			"30 inconclusive, as evidence or a secret is missing; 40 drift: the rollout file, a node, or with --target apollo a key\n" +
			"of Apollo is not as was decided. If no step may be taken, the subject that is farthest from it decides.",
		Flags: append(planFlags(), targetFlag("compare the rollout with `TARGET`, too: file, itself alone, or apollo"), &cli.StringFlag{
			Name: "format", Value: "text", Usage: "write `FORMAT`: text, json or prometheus (for a textfile collector)",
		}),
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return tooMany(c, 0)
			}
			write, err := statusFormat(c)
			if err != nil {
				return err
			}
			view, err := p.view(c)
			if err != nil {
				return err
			}
			status := view.Status()
			if err := write(status, p.stdout); err != nil {
				return err
			}
			return silent(stateStatus(status.State))
		},
	}
}

// statusFormat reads --format; an error is one of usage.
func statusFormat(c *cli.Context) (func(*migrate.Status, io.Writer) error, error) {
	switch format := c.String("format"); format {
	case "text":
		return (*migrate.Status).WriteText, nil
	case "json":
		return (*migrate.Status).WriteJSON, nil
	case "prometheus":
		return (*migrate.Status).WriteMetrics, nil
	default:
		return nil, usage(schemas.Hint(fmt.Errorf("there is no format %q", format), "use text, json or prometheus"))
	}
}

// stateStatus is the exit status of a state.
func stateStatus(state migrate.State) int {
	switch state {
	case migrate.StateReady, migrate.StateDone:
		return statusOK
	case migrate.StateWaiting:
		return statusWaiting
	case migrate.StateBlocked:
		return statusBlocked
	case migrate.StateDrift:
		return statusDrift
	case migrate.StateInconclusive:
	}
	return statusInconclusive
}

func (p *process) explainCommand() *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "tell what happened to a client or a subject, why, and how to mend it",
		ArgsUsage: "CLIENT|SUBJECT",
		Description: "A subject is key/<app>/<id>, key/<app> for all keys of an app, or tls/<endpoint_id>; anything else is\n" +
			"a client, as the event log names it.",
		Flags: planFlags(),
		Action: func(c *cli.Context) error {
			name, err := oneArgument(c, "the name of a client or a subject")
			if err != nil {
				return err
			}
			view, err := p.view(c)
			if err != nil {
				return err
			}
			explanation, err := view.Explain(name)
			if err != nil {
				return usage(err)
			}
			if err := explanation.WriteText(p.stdout); err != nil || len(explanation.Clients) == 0 || !view.Silent() {
				return err
			}
			return noEvent() // so that nobody has come says nothing about the client
		},
	}
}

func (p *process) diffCommand() *cli.Command {
	return &cli.Command{
		Name:        "diff",
		Usage:       "list the clients that would be refused if all that is observed were enforced now",
		Description: "The exit status is 1 if there are any, 4 if evidence is missing to tell.",
		Flags:       planFlags(),
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return tooMany(c, 0)
			}
			view, err := p.view(c)
			if err != nil {
				return err
			}
			diff := view.Diff()
			if err := diff.WriteText(p.stdout); err != nil {
				return err
			}
			return silent(diffStatus(diff))
		},
	}
}

func diffStatus(diff *migrate.Diff) int {
	status := statusOK
	if len(diff.Clients) > 0 {
		status = statusFindings
	}
	if len(diff.Unknown) > 0 {
		status = worse(status, statusIncomplete)
	}
	return status
}

// view reads all inputs of a plan, and judges them.
func (p *process) view(c *cli.Context) (*migrate.View, error) {
	in, err := p.planInput(c)
	if err != nil {
		return nil, err
	}
	defer in.Evidence.Close()
	history, err := migrate.ReadHistory(c.String("rollout"), in.Rollout)
	if err != nil {
		return nil, err
	}
	if target, secrets, err := p.target(c, in.Policy, in.Rollout); err != nil {
		return nil, err
	} else if target != nil {
		if err := history.CompareTarget(c.Context, target, in.Rollout, secrets, in.Now); err != nil {
			return nil, err
		}
	}
	plan, err := migrate.NewPlan(in)
	if err != nil {
		return nil, usage(err)
	}
	return migrate.NewView(in, plan, history)
}
