package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"lockstep/internal/inputfile"
	"lockstep/migrate/apollo"
	"lockstep/schemas"
)

// readInventory asks the database that --from names.
func (p *process) readInventory(c *cli.Context, by string, now time.Time) (*schemas.Inventory, error) {
	o := apollo.InventoryOptions{ReadFile: inputfile.Read, Now: now, By: by}
	var err error
	if o.Database, err = apollo.ParseDatabase(c.String("from")); err != nil {
		return nil, usage(err)
	}
	if o.Zone, err = servicesZone(c.String("timezone")); err != nil {
		return nil, usage(err)
	}
	lookback, err := schemas.ParseDuration(c.String("lookback"))
	if err != nil {
		return nil, usage(fmt.Errorf("--lookback: %w", err))
	}
	o.Lookback = time.Duration(lookback)
	if c.IsSet("password") {
		if o.Password, err = p.secrets(".").Resolve(schemas.SecretRef(c.String("password"))); err != nil {
			return nil, usage(fmt.Errorf("--password: %w", err))
		}
	}
	inventory, err := apollo.ReadInventory(c.Context, o)
	return inventory, withStatus(statusIncomplete, err)
}

// servicesZone has no default: a wrong zone moves all signs of life by hours.
func servicesZone(name string) (*time.Location, error) {
	if name == "" {
		return nil, schemas.Hint(errors.New("--from needs --timezone, that of the config services"),
			"give --timezone Asia/Shanghai, unless they were told to run in another")
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, schemas.Hint(errors.New("--timezone: there is no such zone"), "use a name such as UTC or Asia/Shanghai")
	}
	return zone, nil
}
