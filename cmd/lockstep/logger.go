package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/lmittmann/tint"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"lockstep/schemas"
)

const logLevelName = "log-level"

func logLevelFlag() cli.Flag {
	return &cli.StringFlag{
		Name: logLevelName, Value: "info", EnvVars: []string{"LOCKSTEP_LOG_LEVEL"},
		Usage: "log from `LEVEL` on: debug, info, warn or error",
	}
}

// logger writes to stderr: for people on a terminal, JSON otherwise.
func (p *process) logger(c *cli.Context) (*slog.Logger, error) {
	var level slog.Level
	name := c.String(logLevelName)
	known := []string{"debug", "info", "warn", "error"}
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return nil, usage(schemas.Hint(fmt.Errorf("there is no log level %q", name), "use one of "+strings.Join(known, ", ")))
	}
	if isTerminal(p.stderr) {
		return slog.New(tint.NewTextHandler(p.stderr, &tint.Options{
			Level: level, TimeFormat: time.TimeOnly, NoColor: !p.colour(p.stderr),
		})), nil
	}
	return slog.New(slog.NewJSONHandler(p.stderr, &slog.HandlerOptions{Level: level})), nil
}

// colour reports whether w is to be written in colours: on a terminal, unless
// its owner says otherwise, see https://no-color.org and https://force-color.org.
func (p *process) colour(w io.Writer) bool {
	switch {
	case p.getenv("NO_COLOR") != "":
		return false
	case p.getenv("FORCE_COLOR") != "":
		return true
	}
	return isTerminal(w) && p.getenv("TERM") != "dumb"
}

// width is how many columns w has, 0 if it is no terminal.
func width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil {
			return columns
		}
	}
	return 0
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
