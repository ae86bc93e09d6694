package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"lockstep/migrate"
	"lockstep/schemas"
)

func dryRunFlag() cli.Flag {
	return switchFlag("dry-run", "say what would be done, and change nothing")
}

func (p *process) applyCommand() *cli.Command {
	return &cli.Command{
		Name:      "apply",
		Usage:     "take the steps of a plan's batch",
		ArgsUsage: "PLAN",
		Description: "It edits the rollout file, whose comments and order stay, and writes journal.jsonl beside it.\n" +
			"A plan is refused if it has expired, or if the rollout has changed since it was made. After a crash,\n" +
			"wherever it struck, apply the batch again: it is never applied twice.\n" +
			"With --target apollo each key is set by one call, if it is as the plan saw it, and all nodes have to\n" +
			"show the new mode before the rollout says so; the first that does not ends the batch there.",
		Flags: []cli.Flag{
			rolloutFlag(), policyFlag(), nowFlag(), dryRunFlag(),
			&cli.StringFlag{Name: "batch", Usage: "apply the batch `ID`, if the plan has several"},
			targetFlag("change the keys of `TARGET`: file, the rollout alone, or apollo, the environment's Apollo in the policy, too"),
		},
		Action: func(c *cli.Context) error {
			path, err := oneArgument(c, "the path of a plan")
			if err != nil {
				return err
			}
			now, err := p.nowOf(c)
			if err != nil {
				return err
			}
			plan, err := load(path, schemas.DecodePlan)
			if err != nil {
				return err
			}
			policy, err := loadPolicy(c.String("policy"))
			if err != nil {
				return err
			}
			target, secrets, err := p.actTarget(c, policy)
			if err != nil {
				return err
			}
			result, err := migrate.Apply(c.Context, migrate.ApplyOptions{
				Target: target, Secrets: secrets,
				Plan: plan, SignedBy: policy.Rollout.SignedBy, RolloutPath: c.String("rollout"), Batch: c.String("batch"),
				Now: now, Who: p.who(), DryRun: c.Bool("dry-run"),
			})
			if err == nil && len(result.Entries) == 0 {
				fmt.Fprintln(p.stdout, "nothing to do: this batch has been applied already")
				return nil
			}
			return p.acted(result, err, c.Bool("dry-run"))
		},
	}
}

func (p *process) rollbackCommand() *cli.Command {
	return &cli.Command{
		Name:  "rollback",
		Usage: "take subjects back to a weaker mode, at once",
		Description: "It needs the rollout file and nothing else: no plan, no logs, no whole journal. A key that steps\n" +
			"back takes along the other enforcing keys of its app, or their clients would be refused.\n" +
			"With --target apollo it goes by what Apollo has, also where the rollout file does not show it.",
		Flags: []cli.Flag{
			rolloutFlag(), policyFlag(), nowFlag(), dryRunFlag(),
			targetFlag("step back in `TARGET`: file, the rollout alone, or apollo, the environment's Apollo in the policy, too"),
			&cli.StringFlag{Name: "subject", Usage: "roll back `S`, key/<app>/<id>, key/<app> or tls/<endpoint_id>"},
			&cli.StringFlag{Name: "batch", Usage: "roll back what the batch `ID` changed"},
			switchFlag("all", "roll back every subject"),
			&cli.StringFlag{Name: "to", Value: string(schemas.ModeObserve), Usage: "go back to `MODE`: observe or disabled"},
			&cli.StringFlag{Name: "reason", Usage: "record `TEXT` in the journal as the reason", Required: true},
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return tooMany(c, 0)
			}
			now, err := p.nowOf(c)
			if err != nil {
				return err
			}
			policy, err := loadPolicy(c.String("policy"))
			if err != nil {
				return err
			}
			target, secrets, err := p.actTarget(c, policy)
			if err != nil {
				return err
			}
			result, err := migrate.Rollback(c.Context, migrate.RollbackOptions{
				Target: target, Secrets: secrets,
				RolloutPath: c.String("rollout"), Subject: c.String("subject"), Batch: c.String("batch"), All: c.Bool("all"),
				To: schemas.Mode(c.String("to")), Reason: c.String("reason"),
				Now: now, Who: p.who(), DryRun: c.Bool("dry-run"),
			})
			if err == nil && len(result.Entries) == 0 {
				fmt.Fprintf(p.stdout, "nothing to do: what was chosen is at %s already, or weaker\n", c.String("to"))
				return nil
			}
			return p.acted(result, err, c.Bool("dry-run"))
		},
	}
}

// acted reports what a change of a rollout file came to.
func (p *process) acted(result *migrate.Result, err error, dryRun bool) error {
	if err != nil {
		if result != nil && len(result.Entries) > 0 { // a batch that was stopped half-way
			err = errors.Join(err, result.WriteText(p.stdout))
		}
		return withStatus(actStatus(err), err)
	}
	if dryRun {
		fmt.Fprintln(p.stdout, "dry run, nothing has been changed:")
	}
	if err := result.WriteText(p.stdout); err != nil {
		return err
	}
	if result.Unrecorded != nil {
		err = schemas.Hint(fmt.Errorf("the rollout file has stepped back, but this is not in its journal: %w", result.Unrecorded),
			"move the journal away once you can, and delete `journal:` from the rollout file: a new one begins")
	}
	if result.Undone != nil {
		err = errors.Join(err, schemas.Hint(fmt.Errorf("the rollout file has stepped back, but Apollo is not known to have: %w", result.Undone),
			"roll back again once that is mended: it goes by what Apollo has then"))
	}
	return err
}

// actStatus tells what must not be done from what could not be done, and
// both from what nobody can make sense of.
func actStatus(err error) int {
	_, isPath := errors.AsType[*fs.PathError](err)
	_, isSystem := errors.AsType[syscall.Errno](err)
	switch {
	case errors.Is(err, migrate.ErrRefused):
		return statusFindings
	case isPath || isSystem || errors.Is(err, migrate.ErrLocked) || errors.Is(err, migrate.ErrTarget) || errors.Is(err, context.Canceled):
		return statusIncomplete
	default:
		return statusUsage
	}
}

func (p *process) journalCommand() *cli.Command {
	return &cli.Command{
		Name:  "journal",
		Usage: "look at the journal of a rollout file",
		Subcommands: []*cli.Command{{
			Name:        "verify",
			Usage:       "list all entries and check that none was altered",
			ArgsUsage:   "FILE",
			Description: "The exit status is 1 if the chain is broken, or if its end is not what the rollout file beside it\nnames; the error says where.",
			Action:      p.verifyJournal,
		}},
	}
}

func (p *process) verifyJournal(c *cli.Context) error {
	path, err := oneArgument(c, "the path of a journal.jsonl")
	if err != nil {
		return err
	}
	journal, err := migrate.VerifyJournal(path)
	if _, isIO := errors.AsType[*fs.PathError](err); isIO {
		return err
	}
	if err == nil {
		err = verifyWithRollout(journal, path)
	}
	if err != nil {
		return withStatus(statusFindings, err)
	}
	if err := migrate.WriteJournal(p.stdout, journal.Entries); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "\n%d entries, and none was altered\n", len(journal.Entries))
	if journal.Entries[0].Action == schemas.ActionSegment {
		fmt.Fprintln(p.stdout, "they begin after a break: the journal before them was lost or broken")
	}
	if journal.Torn {
		fmt.Fprintln(p.stdout, "the last line was cut short by a crash; it was never carried out")
	}
	return nil
}

// verifyWithRollout compares a journal with the rollout file beside it, if
// there is one: a journal alone cannot tell that its end is missing.
func verifyWithRollout(journal *migrate.Journal, path string) error {
	stem, named := strings.CutSuffix(filepath.Base(path), ".journal.jsonl")
	names := []string{stem + ".yaml", stem}
	if !named {
		names = []string{"rollout.yaml"}
	}
	for _, name := range names {
		doc, err := readDocument(filepath.Join(filepath.Dir(path), name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		rollout, err := schemas.DecodeRollout(doc)
		if err != nil {
			return err
		}
		return journal.VerifyWith(rollout)
	}
	return nil
}
