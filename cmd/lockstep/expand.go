package main

import (
	"errors"
	"fmt"
	"sync"

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

// A followingExpander is one that has the file of --env-file read each time.
type followingExpander func(config []byte, read func(path string) ([]byte, error)) (*schemas.Expansion, error)

// expander follows --expand-env and --env-file, which is read once. It is nil
// where a config is to be taken as it stands.
func (p *process) expander(c *cli.Context) (expander, error) {
	expand, err := p.followingExpander(c)
	if expand == nil {
		return nil, err
	}
	path := c.String("env-file")
	once := sync.OnceValues(func() ([]byte, error) { return inputfile.Read(path) })
	read := func(string) ([]byte, error) { return once() }
	if _, err := expand(nil, read); err != nil {
		return nil, withStatus(readStatus(err), err)
	}
	return func(config []byte) (*schemas.Expansion, error) { return expand(config, read) }, nil
}

// followingExpander is [process.expander] for who serves on when that file
// changes. It opens no file yet.
func (p *process) followingExpander(c *cli.Context) (followingExpander, error) {
	path := c.String("env-file")
	switch {
	case !c.Bool("expand-env") && path == "":
		return nil, nil //nolint:nilnil // nil is an expander that does nothing
	case !c.Bool("expand-env"):
		return nil, usage(schemas.Hint(errors.New("--env-file is of no use without --expand-env"),
			"add --expand-env if the agent is started with --config.expand-env, or remove --env-file"))
	case path == "":
		return func(config []byte, _ func(string) ([]byte, error)) (*schemas.Expansion, error) {
			return schemas.Expand(config, p.getenv)
		}, nil
	}
	return func(config []byte, read func(string) ([]byte, error)) (*schemas.Expansion, error) {
		text, err := read(path)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		variables, err := parseEnv(path, string(text))
		if err != nil {
			return nil, err
		}
		return schemas.Expand(config, func(name string) string {
			if value, ok := variables[name]; ok {
				return value
			}
			return p.getenv(name)
		})
	}, nil
}
