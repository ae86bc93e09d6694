package apollo

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"lockstep/internal/certs"
	"lockstep/migrate"
	"lockstep/schemas"
)

// InventoryOptions say how the clients of an environment are read.
type InventoryOptions struct {
	Database Database
	Password schemas.Secret // may be empty
	ReadFile certs.ReadFunc // of the authorities that the URL names

	// Zone is user.timezone of the config services, Asia/Shanghai as they are
	// delivered: they write their wall time whatever zone the database has.
	Zone     *time.Location
	Lookback time.Duration // clients whose rows are older are left out
	Now      time.Time
	By       string
}

// errWrongZone is for rows that come from the future.
var errWrongZone = errors.New("the database holds a time that has not come yet")

// ReadInventory lists the clients that have loaded configurations: one for
// each app and address in Instance that has a row of InstanceConfig refreshed
// since the look-back, with the owner from App. It only reads, in one read-only
// transaction.
//
// A row is refreshed about daily while its client goes on loading, and is
// never removed for its age. So Last is a sign of life no more than a day
// older than the latest, and Days counts the few signs that a row keeps: when
// it was made, delivered to and refreshed. The address is what the client says
// of itself. Who loads through /configfiles alone may leave no row.
func ReadInventory(ctx context.Context, o InventoryOptions) (*schemas.Inventory, error) {
	db, err := o.Database.open(o.Password, o.ReadFile)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if err := greet(ctx, db, greetTimeout); err != nil {
		return nil, explain(fmt.Errorf("database: %w", err))
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, explain(fmt.Errorf("database: %w", err))
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	owners, err := readOwners(ctx, tx)
	if err != nil {
		return nil, explain(fmt.Errorf("read App: %w", err))
	}
	seen, err := o.readSightings(ctx, tx)
	if err != nil {
		return nil, explain(fmt.Errorf("read Instance and InstanceConfig: %w", err))
	}
	return o.inventory(seen, owners), nil
}

// readOwners maps apps to who answers for them.
func readOwners(ctx context.Context, tx *sql.Tx) (map[string]string, error) {
	rows, err := tx.QueryContext(ctx, "SELECT AppId, OwnerName, OwnerEmail FROM App WHERE IsDeleted = 0")
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller names the table
	}
	defer rows.Close()
	owners := map[string]string{}
	for rows.Next() {
		var app, name, email string
		if err := rows.Scan(&app, &name, &email); err != nil {
			return nil, err //nolint:wrapcheck // the caller names the table
		}
		if email != "" {
			name = strings.TrimSpace(name + " <" + email + ">")
		}
		owners[strings.ToLower(app)] = name
	}
	return owners, rows.Err()
}

// A sighted client has left rows.
type sighted struct{ app, client string }

// A sighting is what the rows of a client say together.
type sighting struct {
	days map[schemas.Date]bool
	last time.Time
}

const sightingsQuery = `SELECT i.AppId, i.Ip, c.DataChange_CreatedTime, c.ReleaseDeliveryTime, c.DataChange_LastTime
FROM InstanceConfig c JOIN Instance i ON i.Id = c.InstanceId WHERE c.DataChange_LastTime >= ?`

func (o *InventoryOptions) readSightings(ctx context.Context, tx *sql.Tx) (map[sighted]*sighting, error) {
	since := o.Now.Add(-o.Lookback).In(o.Zone).Format(time.DateTime)
	rows, err := tx.QueryContext(ctx, sightingsQuery, since)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller names the tables
	}
	defer rows.Close()
	seen := map[sighted]*sighting{}
	for rows.Next() {
		var app, ip string
		var created, delivered, last sql.NullString
		if err := rows.Scan(&app, &ip, &created, &delivered, &last); err != nil {
			return nil, err //nolint:wrapcheck // the caller names the tables
		}
		who := sighted{strings.ToLower(app), clientName(ip)}
		if seen[who] == nil {
			seen[who] = &sighting{days: map[schemas.Date]bool{}}
		}
		for _, wall := range []sql.NullString{created, delivered, last} {
			if err := seen[who].add(wall.String, o); err != nil {
				return nil, err
			}
		}
	}
	return seen, rows.Err()
}

// zoneSlack is how far the clocks of services and ours may be apart.
const zoneSlack = 5 * time.Minute

// add counts a moment, written as the wall time of the services. What is none,
// such as NULL or a year 0, is passed over.
func (s *sighting) add(wall string, o *InventoryOptions) error {
	at, err := time.ParseInLocation(time.DateTime, wall, o.Zone)
	if err != nil {
		return nil
	}
	if at.Sub(o.Now) > zoneSlack {
		return schemas.Hint(errWrongZone, "name the zone that the config services run in, as in --timezone Asia/Shanghai")
	}
	s.days[schemas.DateOf(at)] = true
	if at.After(s.last) {
		s.last = at
	}
	return nil
}

// nameless is what a client is called that says something else of itself: it
// may be anything, even what a spreadsheet takes for a formula.
const nameless = "(no address)"

// clientName is an address as the other sources of evidence write it.
func clientName(ip string) string {
	address, err := netip.ParseAddr(strings.TrimSpace(ip))
	if err != nil {
		return nameless
	}
	return address.Unmap().WithZone("").String()
}

func (o *InventoryOptions) inventory(seen map[sighted]*sighting, owners map[string]string) *schemas.Inventory {
	inventory := &schemas.Inventory{
		Version: 1, History: schemas.History{From: second(o.Now.Add(-o.Lookback)), To: second(o.Now)},
	}
	for who, s := range seen {
		inventory.Clients = append(inventory.Clients, schemas.InventoryClient{
			App: who.app, Client: who.client, Owner: owners[who.app], By: o.By, Since: schemas.DateOf(o.Now),
			Days: len(s.days), Last: second(s.last),
		})
	}
	slices.SortFunc(inventory.Clients, func(a, b schemas.InventoryClient) int {
		return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.Client, b.Client))
	})
	return inventory
}

func second(at time.Time) time.Time { return at.UTC().Truncate(time.Second) }

// ContinueInventory adds what was read now to what was known before, and
// counts on: a row tells of its latest refresh alone, so only somebody who
// looks again sees on how many days a client came, and how long it was silent
// at most. Who looks daily counts best.
func ContinueInventory(known, fresh *schemas.Inventory) *schemas.Inventory {
	before := map[sighted]schemas.InventoryClient{}
	for _, c := range known.Clients {
		before[sighted{strings.ToLower(c.App), c.Client}] = c
	}
	counted := *fresh
	counted.Clients = make([]schemas.InventoryClient, len(fresh.Clients))
	for i, c := range fresh.Clients {
		if old := before[sighted{strings.ToLower(c.App), c.Client}]; !old.Last.IsZero() {
			c = countOn(old, c)
		}
		counted.Clients[i] = c
	}
	if from := known.History.From; !from.IsZero() && from.Before(counted.History.From) {
		counted.History.From = from
	}
	return migrate.MergeInventory(known, &counted)
}

func countOn(old, c schemas.InventoryClient) schemas.InventoryClient {
	silence := c.Last.Sub(old.Last)
	c.Gap = old.Gap
	switch {
	case silence <= 0:
		c.Days, c.Last = max(old.Days, c.Days), old.Last
	case schemas.DateOf(c.Last) == schemas.DateOf(old.Last):
		c.Days = max(old.Days, c.Days)
	default:
		c.Days = max(old.Days+1, c.Days)
		c.Gap = max(c.Gap, schemas.Duration((silence + time.Hour - 1).Truncate(time.Hour)))
	}
	return c
}
