package main

import (
	"fmt"
	"io"
	"log" //nolint:depguard // only to keep it quiet
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
	return p.loggerFrom(level), nil
}

func (p *process) loggerFrom(level slog.Leveler) *slog.Logger {
	if isTerminal(p.stderr) {
		return slog.New(tint.NewTextHandler(p.stderr, &tint.Options{
			Level: level, TimeFormat: time.TimeOnly, NoColor: !p.colour(p.stderr),
		}))
	}
	return slog.New(slog.NewJSONHandler(p.stderr, &slog.HandlerOptions{Level: level}))
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
	if f, ok := unchecked(w).(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil {
			return columns
		}
	}
	return 0
}

func isTerminal(w io.Writer) bool {
	f, ok := unchecked(w).(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// unchecked is the writer behind the one that remembers errors.
func unchecked(w io.Writer) io.Writer {
	if c, ok := w.(*checkedWriter); ok {
		return c.w
	}
	return w
}
