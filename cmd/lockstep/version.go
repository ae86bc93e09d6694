package main

import (
	"fmt"
	"runtime"

	"github.com/urfave/cli/v2"
)

// pikoVersion is the version of the real agent that verdicts are about.
const pikoVersion = "0.9"

func (p *process) versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version",
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return tooMany(c, 0)
			}
			_, err := fmt.Fprintf(p.stdout, "lockstep %s (%s, %s/%s; verdicts of piko agent %s)\n",
				version, runtime.Version(), runtime.GOOS, runtime.GOARCH, pikoVersion)
			return err
		},
	}
}
