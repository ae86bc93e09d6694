package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"lockstep/internal/inputfile"
	"lockstep/schemas"
)

func expandFlag() cli.Flag {
	return switchFlag("expand-env", "put variables in the config first, as the agent does with --config.expand-env")
}

func envFileFlag() cli.Flag {
	return &cli.StringFlag{Name: "env-file", Usage: "with --expand-env, take variables from the KEY=VALUE lines of `FILE` first"}
}

// An expander puts variables in a config.
type expander func(config []byte) (*schemas.Expansion, error)

// expander follows --expand-env and --env-file. It is nil where a config is
// to be taken as it stands.
func (p *process) expander(c *cli.Context) (expander, error) {
	path := c.String("env-file")
	switch {
	case !c.Bool("expand-env") && path == "":
		return nil, nil //nolint:nilnil // nil is an expander that does nothing
	case !c.Bool("expand-env"):
		return nil, usage(schemas.Hint(errors.New("--env-file is of no use without --expand-env"),
			"add --expand-env if the agent is started with --config.expand-env, or remove --env-file"))
	}
	getenv := p.getenv
	if path != "" {
		variables, err := readEnvFile(path)
		if err != nil {
			return nil, usage(err)
		}
		getenv = func(name string) string {
			if value, ok := variables[name]; ok {
				return value
			}
			return p.getenv(name)
		}
	}
	return func(config []byte) (*schemas.Expansion, error) { return schemas.Expand(config, getenv) }, nil
}

// readEnvFile reads variables from a file.
func readEnvFile(path string) (map[string]string, error) {
	text, err := inputfile.Read(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return parseEnv(path, string(text))
}
