package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"lockstep/schemas"
)

// formatFlag is that of commands whose result people or programs read.
func formatFlag() cli.Flag {
	return &cli.StringFlag{Name: "format", Value: "text", Usage: "write `FORMAT`: text or json"}
}

// wantsJSON reads --format; an error is one of usage.
func wantsJSON(c *cli.Context) (bool, error) {
	switch format := c.String("format"); format {
	case "text":
		return false, nil
	case "json":
		return true, nil
	default:
		return false, usage(schemas.Hint(fmt.Errorf("there is no format %q", format), "use text or json"))
	}
}
