package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/urfave/cli/v2"

	"lockstep/schemas"
)

// A process is what a command may touch of the world around it.
type process struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	now            func() time.Time
	sleep          func(context.Context, time.Duration) error
}

// run carries out one command line and returns the exit status.
func (p *process) run(ctx context.Context, args []string) (status int) {
	defer func() {
		if fault := recover(); fault != nil {
			err := bug(fault)
			p.explain(err)
			status = statusOf(err)
		}
	}()
	// What a command has the collector do ends with it.
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	stdout := &checkedWriter{w: p.stdout}
	q := *p
	q.stdout = stdout
	app := q.app()
	err := app.RunContext(ctx, permute(app, args))
	if err == nil && stdout.err != nil {
		err = fmt.Errorf("write standard output: %w", stdout.err)
	}
	p.explain(err)
	return statusOf(err)
}

// bug is the error of a panic.
func bug(fault any) error {
	return withStatus(statusBug, fmt.Errorf("this is a bug in lockstep %s: %v\n%s", version, fault, debug.Stack()))
}

// A checkedWriter remembers its first error, which whoever prints for people
// does not look at.
type checkedWriter struct {
	w   io.Writer
	err error
}

// Write implements [io.Writer].
func (c *checkedWriter) Write(data []byte) (int, error) {
	n, err := c.w.Write(data)
	if c.err == nil {
		c.err = err
	}
	return n, err //nolint:wrapcheck // it passes on what it wraps
}

// app is the command line of lockstep.
func (p *process) app() *cli.App {
	app := &cli.App{
		Name:                      "lockstep",
		Usage:                     "switch security on in running systems without an outage",
		Version:                   version,
		DisableSliceFlagSeparator: true,
		EnableBashCompletion:      true,
		Reader:                    p.stdin,
		Writer:                    p.stdout,
		ErrWriter:                 p.stderr,
		ExitErrHandler:            func(*cli.Context, error) {},
		Flags:                     []cli.Flag{logLevelFlag()},
		Before:                    func(c *cli.Context) error { _, err := logLevel(c); return err },
		Action:                    needCommand,
		OnUsageError:              onUsageError,
		Description: "Exit status: 0 nothing to report, 1 findings or nothing ready or apply refused,\n" +
			"2 usage or bad lockstep config, 3 no input matched (lint), 4 a check could not be\n" +
			"completed, 5 a bug.",
		Commands: []*cli.Command{
			p.lintCommand(), p.migrateCommand(), p.runCommand(), p.ctlCommand(),
			p.initCommand(), p.signCommand(), p.schemaCommand(), p.versionCommand(), p.completionCommand(),
		},
	}
	finish(app.Commands)
	return app
}

// finish gives every command what the library wants to be told one by one.
func finish(commands []*cli.Command) {
	for _, c := range commands {
		c.OnUsageError = onUsageError
		c.HideHelpCommand = true
		if c.Action == nil {
			c.Action = needCommand
		}
		require(c)
		finish(c.Subcommands)
	}
}

// require has the command itself ask for its required flags: the library
// would print its whole help on standard output instead of a hint.
func require(c *cli.Command) {
	var names []string
	for _, f := range c.Flags {
		switch f := f.(type) {
		case *cli.StringFlag:
			if f.Required {
				f.Required, f.Usage, names = false, f.Usage+" (required)", append(names, f.Name)
			}
		case *cli.GenericFlag:
			if f.Required {
				f.Required, f.Usage, names = false, f.Usage+" (required)", append(names, f.Name)
			}
		}
	}
	action := c.Action
	c.Action = func(ctx *cli.Context) error {
		for _, name := range names {
			if !ctx.IsSet(name) {
				return usage(schemas.Hint(fmt.Errorf("%s needs --%s", commandPath(ctx), name),
					fmt.Sprintf("`%s --help` says what for", commandPath(ctx))))
			}
		}
		return action(ctx)
	}
}
