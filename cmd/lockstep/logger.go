package main

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
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
	level, err := logLevel(c)
	if err != nil {
		return nil, err
	}
	if isTerminal(p.stderr) {
		return slog.New(tint.NewTextHandler(p.stderr, &tint.Options{
			Level: level, TimeFormat: time.TimeOnly, NoColor: !p.colour(p.stderr),
		})), nil
	}
	return slog.New(slog.NewJSONHandler(p.stderr, &slog.HandlerOptions{Level: level})), nil
}

// logLevel reads --log-level.
func logLevel(c *cli.Context) (slog.Level, error) {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[c.String(logLevelName)]
	if !ok {
		return level, usage(schemas.Hint(fmt.Errorf("there is no log level %q", c.String(logLevelName)), "use one of debug, info, warn, error"))
	}
	return level, nil
}

// quietLibraries drops what libraries send to the logger of the process.
// net/http does so with an answer that nobody asked for, and quotes it.
func quietLibraries() { log.SetOutput(io.Discard) }

// colour reports whether w is a terminal whose owner wants colours, see
// https://no-color.org.
func (p *process) colour(w io.Writer) bool {
	return isTerminal(w) && p.getenv("NO_COLOR") == "" && p.getenv("TERM") != "dumb"
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
