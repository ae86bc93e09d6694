package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"lockstep/internal/atomicfile"
	"lockstep/internal/inputfile"
	"lockstep/migrate"
	"lockstep/migrate/apollo"
	"lockstep/schemas"
)

func (p *process) inventoryCommand() *cli.Command {
	flags := append(
		logsFlags(false), policyFlag(),
		listFlag(cli.GenericFlag{Name: "import", Usage: "read hosts and jobs from `FILE`, CSV or JSON; may be repeated"}),
		&cli.StringFlag{Name: "from", Usage: "read who has loaded configurations from Apollo's database, `URL` mysql://USER@HOST:3306/ApolloConfigDB"},
		&cli.StringFlag{Name: "password", Usage: "of that database: `REF`, file:PATH or env:NAME"},
		&cli.StringFlag{Name: "lookback", Value: "90d", Usage: "leave out who has not come to that database for `DURATION`"},
		&cli.StringFlag{Name: "environment", Usage: "learn from the environment `NAME`, if the logs are of several"},
		&cli.StringFlag{Name: "inventory", Usage: "add to the inventory `FILE` and keep what was decided in it"},
		&cli.StringFlag{Name: "by", Usage: "say that `NAME` added the clients; you, if it is not given"},
		nowFlag(),
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the inventory to `FILE`, which must not exist yet, or as CSV if it ends in .csv", Required: true},
	)
	return &cli.Command{
		Name:  "inventory",
		Usage: "list the clients that should exist, from a list of hosts and jobs, Apollo's database or earlier logs",
		Description: "A list has the columns app, client, cadence, owner and until. Of clients that passed in the logs it is\n" +
			"counted on how many days they came and how long they were silent. Comments of --inventory are not kept.\n" +
			"Apollo's database is only read. It keeps the latest sign of life of each client: look daily, with the\n" +
			"inventory of the day before, and days and silences are counted. In its URL, tls=verify, unverified or off\n" +
			"and ca=FILE say how the server is known; --timezone is that of the config services.",
		Flags:  flags,
		Action: p.inventory,
	}
}

func (p *process) inventory(c *cli.Context) error {
	imports, logs := listOf(c, "import"), listOf(c, "logs")
	switch {
	case c.Args().Present():
		return tooMany(c, 0)
	case len(imports)+len(logs) == 0 && !c.IsSet("from"):
		return usage(schemas.Hint(errors.New("there is nothing to list clients from"), "give --import, --from or --logs"))
	}
	if err := refuseSource(c); err != nil {
		return err
	}
	inputs := append([]string{c.String("inventory")}, imports...)
	for _, pattern := range logs {
		matches, _ := filepath.Glob(pattern) // a bad pattern is refused when it is read
		inputs = append(inputs, matches...)
	}
	if err := outputOf(c, inputs); err != nil {
		return err
	}
	if err := keepsDecisions(c.String("output")); err != nil {
		return err
	}
	inventory, err := p.collectInventory(c)
	if err != nil {
		return err
	}
	if err := writeInventory(c.String("output"), inventory); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "clients: %d\n", len(inventory.Clients))
	return nil
}

// asCSV reports whether an inventory goes to a table: it is carried from one
// place to another, made anew each time, and nobody decides anything in it.
func asCSV(path string) bool { return strings.EqualFold(filepath.Ext(path), ".csv") }

// keepsDecisions refuses, before the work is done, to put a new inventory in
// the place of one with waivers, attestations and approvals of people.
func keepsDecisions(path string) error {
	if _, err := os.Lstat(path); asCSV(path) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return usage(schemas.Hint(fmt.Errorf("%s is there already, and may hold what people decided", path),
		"to add to it, give it as --inventory and name another file, or move it away first"))
}

func writeInventory(path string, inventory *schemas.Inventory) error {
	if !asCSV(path) {
		text, err := inventory.Encode()
		if err != nil {
			return err
		}
		return writeNew(path, text)
	}
	text, err := migrate.EncodeInventoryCSV(inventory)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(path, text, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
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
	if c.IsSet("from") {
		fresh, err := p.readInventory(c, by, now)
		if err != nil {
			return nil, err
		}
		inventory = apollo.ContinueInventory(inventory, fresh)
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
