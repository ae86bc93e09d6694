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

// colour reports whether w is a terminal whose owner wants colours, see
// https://no-color.org.
func (p *process) colour(w io.Writer) bool {
	return isTerminal(w) && p.getenv("NO_COLOR") == "" && p.getenv("TERM") != "dumb"
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
