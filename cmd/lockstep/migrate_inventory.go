package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"lockstep/internal/atomicfile"
	"lockstep/internal/inputfile"
	"lockstep/migrate"
	"lockstep/schemas"
)

func (p *process) inventoryCommand() *cli.Command {
	flags := append(
		logsFlags(false), policyFlag(),
		listFlag(cli.GenericFlag{Name: "import", Usage: "read hosts and jobs from `FILE`, CSV or JSON; may be repeated"}),
		&cli.StringFlag{Name: "environment", Usage: "learn from the environment `NAME`, if the logs are of several"},
		&cli.StringFlag{Name: "inventory", Usage: "add to the inventory `FILE` and keep what was decided in it"},
		&cli.StringFlag{Name: "by", Usage: "say that `NAME` added the clients; you, if it is not given"},
		nowFlag(),
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the inventory to `FILE`", Required: true},
	)
	return &cli.Command{
		Name:  "inventory",
		Usage: "list the clients that should exist, from a list of hosts and jobs or from earlier logs",
		Description: "A list has the columns app, client, cadence, owner and until. Of clients that passed in the logs it is\n" +
			"counted on how many days they came and how long they were silent. Comments of --inventory are not kept.",
		Flags:  flags,
		Action: p.inventory,
	}
}

func (p *process) inventory(c *cli.Context) error {
	imports, logs := listOf(c, "import"), listOf(c, "logs")
	switch {
	case c.Args().Present():
		return tooMany(c, 0)
	case len(imports)+len(logs) == 0:
		return usage(schemas.Hint(errors.New("there is nothing to list clients from"), "give --import or --logs"))
	}
	inputs := append([]string{c.String("inventory")}, imports...)
	for _, pattern := range logs {
		matches, _ := filepath.Glob(pattern) // a bad pattern is refused when it is read
		inputs = append(inputs, matches...)
	}
	if err := notAnInput(c.String("output"), inputs); err != nil {
		return usage(err)
	}
	inventory, err := p.collectInventory(c)
	if err != nil {
		return err
	}
	text, err := inventory.Encode()
	if err != nil {
		return err
	}
	if err := atomicfile.Write(c.String("output"), text, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", c.String("output"), err)
	}
	fmt.Fprintf(p.stdout, "clients: %d\n", len(inventory.Clients))
	return nil
}

// collectInventory merges all sources, in the order of the flags' help.
func (p *process) collectInventory(c *cli.Context) (*schemas.Inventory, error) {
	now, err := p.nowOf(c)
	if err != nil {
		return nil, err
	}
	inventory, err := loadOptional(c.String("inventory"), schemas.DecodeInventory)
	if err != nil {
		return nil, err
	}
	by := c.String("by")
	if by == "" {
		by = p.who()
	}
	for _, path := range listOf(c, "import") {
		data, err := inputfile.Read(path)
		if err != nil {
			return nil, withStatus(readStatus(err), fmt.Errorf("read %s: %w", path, err))
		}
		imported, err := migrate.ImportInventory(path, data, by, now)
		if err != nil {
			return nil, usage(err)
		}
		inventory = migrate.MergeInventory(inventory, imported)
	}
	if len(listOf(c, "logs")) == 0 {
		return inventory, nil
	}
	policy, err := loadPolicy(c.String("policy"))
	if err != nil {
		return nil, err
	}
	evidence, err := p.gather(c, policy, c.String("environment"))
	if err != nil {
		return nil, err
	}
	return migrate.MergeInventory(inventory, migrate.LearnInventory(evidence, by, now)), nil
}
