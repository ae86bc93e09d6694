package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"lockstep/schemas"
)

func (p *process) schemaCommand() *cli.Command {
	return &cli.Command{
		Name:      "schema",
		Usage:     "print the JSON Schema of a document",
		ArgsUsage: "NAME",
		Description: "Without NAME it lists the names. An editor with yaml-language-server uses a schema by\n" +
			"a first line such as `# yaml-language-server: $schema=agent.schema.json`.",
		BashComplete: func(*cli.Context) { p.listSchemas() },
		Action: func(c *cli.Context) error {
			switch c.Args().Len() {
			case 0:
				p.listSchemas()
				return nil
			case 1:
				text, err := schemas.Text(schemas.Kind(c.Args().First()))
				if err != nil {
					return usage(err)
				}
				_, err = p.stdout.Write(text)
				return err
			default:
				return tooMany(c, 1)
			}
		},
	}
}

func (p *process) listSchemas() {
	for _, kind := range schemas.Kinds() {
		fmt.Fprintln(p.stdout, kind)
	}
}

// tooMany complains about more than limit positional arguments.
func tooMany(c *cli.Context, limit int) error {
	return usage(schemas.Hint(
		fmt.Errorf("%s does not know what to do with %d of its arguments", commandPath(c), c.Args().Len()-limit),
		fmt.Sprintf("quote a glob and a text with spaces; see `%s --help`", commandPath(c))))
}

// oneArgument returns the only positional argument, which what names.
func oneArgument(c *cli.Context, what string) (string, error) {
	switch c.Args().Len() {
	case 0:
		return "", usage(schemas.Hint(fmt.Errorf("%s needs %s", commandPath(c), what),
			fmt.Sprintf("see `%s --help`", commandPath(c))))
	case 1:
		return c.Args().First(), nil
	default:
		return "", tooMany(c, 1)
	}
}
