package main

import (
	"fmt"
	"log/slog"

	"github.com/urfave/cli/v2"

	"lockstep/schemas"
)

// A pikoMode says whether listeners are registered at a Piko server. A config
// always has one, as connect.url has a default, so nothing is dialled unless
// somebody asks for it.
type pikoMode string

const (
	pikoAuto pikoMode = "auto" // where the config says, as Piko's agent does
	pikoOff  pikoMode = "off"
)

// pikoOf reports whether --piko asks for a Piko server.
func pikoOf(c *cli.Context) (bool, error) {
	switch mode := pikoMode(c.String("piko")); mode {
	case pikoAuto:
		return true, nil
	case pikoOff:
		return false, nil
	default:
		return false, usage(schemas.Hint(fmt.Errorf("there is no mode %q for --piko", mode), "use one of auto, off"))
	}
}

// listenOf is where requests are taken besides: with Piko nowhere by default,
// as its agent opens no port.
func listenOf(c *cli.Context, piko bool) string {
	if piko && !c.IsSet("listen") {
		return ""
	}
	return c.String("listen")
}

// runLogger is the logger of a run. In the place of an agent it logs from
// log.level of the config on, which level follows, unless --log-level says
// otherwise.
func (p *process) runLogger(c *cli.Context, piko bool) (logger *slog.Logger, level *slog.LevelVar, err error) {
	if !piko || c.IsSet(logLevelName) {
		logger, err = p.logger(c)
		return logger, nil, err
	}
	level = new(slog.LevelVar)
	return p.loggerFrom(level), level, nil
}
