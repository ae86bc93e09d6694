package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"lockstep/schemas"
)

// The exit statuses, the same for every command and output format. Where
// several apply, [worse] decides.
const (
	statusOK         = 0 // nothing at or above --fail-on
	statusFindings   = 1 // findings, nothing ready, apply refused
	statusUsage      = 2 // usage or bad lockstep config
	statusNoInput    = 3 // lint only: no input matched
	statusIncomplete = 4 // a check could not be completed
	statusBug        = 5
)

// worse returns the status that wins: 5 > 2 > 4 > 1 > 3 > 0.
func worse(a, b int) int {
	for _, s := range []int{statusBug, statusUsage, statusIncomplete, statusFindings, statusNoInput} {
		if a == s || b == s {
			return s
		}
	}
	return statusOK
}

// A statusError ends the process with a status other than [statusIncomplete].
// With a nil error it ends it silently: the command has said what there is to say.
type statusError struct {
	error
	status int
}

func (e *statusError) Unwrap() error { return e.error }

func (e *statusError) Error() string {
	if e.error == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.error.Error()
}

// withStatus attaches an exit status to err; a nil err stays nil.
func withStatus(status int, err error) error {
	if err == nil {
		return nil
	}
	return &statusError{error: err, status: status}
}

// usage is an error of the one who typed the command or wrote the config.
func usage(err error) error { return withStatus(statusUsage, err) }

// silent ends with status after a command has reported; nil for [statusOK].
func silent(status int) error {
	if status == statusOK {
		return nil
	}
	return &statusError{status: status}
}

// statusOf decides the exit status, here and nowhere else. An error that
// nobody classified means that something could not be done.
func statusOf(err error) int {
	var s *statusError
	switch {
	case err == nil:
		return statusOK
	case errors.As(err, &s):
		return s.status
	default:
		return statusIncomplete
	}
}

// explain prints err for a person: each cause on a line of its own, lower
// case and without full stop, then what to do about it.
func (p *process) explain(err error) {
	var s *statusError
	switch {
	case err == nil || (errors.As(err, &s) && s.error == nil):
		return
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(p.stderr, "lockstep: interrupted")
		return
	}
	for _, cause := range causes(err) {
		fmt.Fprintf(p.stderr, "lockstep: error: %s\n", cause)
		for _, hint := range schemas.Hints(cause) {
			fmt.Fprintf(p.stderr, "hint: %s\n", hint)
		}
	}
}

// causes splits joined errors.
func causes(err error) []error {
	if s, ok := errors.AsType[*statusError](err); ok {
		err = s.error
	}
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range many.Unwrap() {
		all = append(all, causes(e)...)
	}
	return all
}

// onUsageError words what the flag library complains about.
func onUsageError(c *cli.Context, err error, _ bool) error {
	return usage(explainFlag(c, err))
}

// needCommand runs where a command was expected and something else was found.
func needCommand(c *cli.Context) error {
	var names []string
	list := c.App.Commands
	if c.Command != nil && len(c.Command.Subcommands) > 0 {
		list = c.Command.Subcommands
	}
	for _, sub := range list {
		names = append(names, sub.Names()...)
	}
	word := c.Args().First()
	if word == "" {
		_ = cli.ShowSubcommandHelp(c)
		return silent(statusUsage)
	}
	hint := fmt.Sprintf("`%s --help` lists the commands", commandPath(c))
	if near, ok := schemas.Nearest(word, names); ok {
		hint = fmt.Sprintf("did you mean `%s %s`?", commandPath(c), near)
	}
	return usage(schemas.Hint(fmt.Errorf("%s has no command %q", commandPath(c), word), hint))
}
