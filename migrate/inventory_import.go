package migrate

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// importColumns are what may be imported of a client; app and client must be.
func importColumns() []string {
	return []string{"app", "client", "cadence", "owner", "until", "days", "gap", "last"}
}

// ImportInventory reads a list of hosts or jobs: CSV with a header, or a JSON
// array of objects, by the ending of its name. A cadence is a duration or one
// of hourly, daily, weekly, monthly and quarterly.
func ImportInventory(path string, data []byte, by string, now time.Time) (*schemas.Inventory, error) {
	var rows []importRow
	var err error
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv":
		rows, err = csvRows(data)
	case ".json":
		rows, err = jsonRows(data)
	default:
		return nil, schemas.Hint(fmt.Errorf("%s: neither CSV nor JSON by its name", path), "name it .csv or .json")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(rows) == 0 {
		return nil, schemas.Hint(fmt.Errorf("%s: there is no client in it", path), "list one in each line or item, or leave the file out")
	}
	inventory := &schemas.Inventory{Version: 1}
	seen := map[inventoryID]string{}
	for _, row := range rows {
		c, err := row.client()
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, row.place, err)
		}
		if other, twice := seen[inventoryIDOf(c)]; twice {
			return nil, schemas.Hint(fmt.Errorf("%s: %s: the client of %s once more", path, row.place, other), "keep one of the two")
		}
		seen[inventoryIDOf(c)] = row.place
		c.By, c.Since = by, schemas.DateOf(now)
		inventory.Clients = append(inventory.Clients, c)
	}
	return sortedInventory(inventory), nil
}

// An importRow is one client as text, by column.
type importRow struct {
	place  string // for people: line 3, or item 2
	fields map[string]string
}

func csvRows(data []byte) ([]importRow, error) {
	reader := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff")))) // spreadsheets begin with a mark
	reader.TrimLeadingSpace = true
	header, err := reader.Read()
	if err != nil {
		return nil, schemas.Hint(errors.New("there is no header"), "begin with a line such as app,client,cadence")
	}
	if err := checkColumns(header); err != nil {
		return nil, err
	}
	var rows []importRow
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("not CSV: %w", err) // it names the line and quotes nothing
		}
		line, _ := reader.FieldPos(0)
		row := importRow{fmt.Sprintf("line %d", line), map[string]string{}}
		for i, name := range header {
			row.fields[strings.TrimSpace(name)] = strings.TrimSpace(record[i])
		}
		rows = append(rows, row)
	}
}

func jsonRows(data []byte) ([]importRow, error) {
	var objects []map[string]string
	if err := json.Unmarshal(data, &objects); err != nil {
		return nil, schemas.Hint(errors.New("not a JSON array of objects with text"), `write it as in [{"app": "demo", "client": "10.0.0.1"}]`)
	}
	rows := make([]importRow, len(objects))
	for i, fields := range objects {
		rows[i] = importRow{fmt.Sprintf("item %d", i+1), fields}
		names := make([]string, 0, len(fields))
		for name := range fields {
			names = append(names, name)
		}
		slices.Sort(names)
		if err := checkColumns(names); err != nil {
			return nil, fmt.Errorf("%s: %w", rows[i].place, err)
		}
	}
	return rows, nil
}

// checkColumns refuses names that nobody knows: a slip would be left out unseen.
func checkColumns(names []string) error {
	seen := map[string]bool{}
	for _, name := range names {
		name = strings.TrimSpace(name)
		if seen[name] {
			return schemas.Hint(fmt.Errorf("there are two columns %s", printable(name)), "keep one of the two")
		}
		seen[name] = true
		if slices.Contains(importColumns(), name) {
			continue
		}
		hint := "the columns are " + strings.Join(importColumns(), ", ")
		if near, ok := schemas.Nearest(name, importColumns()); ok {
			hint = "did you mean " + near + "?"
		}
		return schemas.Hint(fmt.Errorf("there is no column %s", printable(name)), hint)
	}
	return nil
}

func (r importRow) client() (schemas.InventoryClient, error) {
	c := schemas.InventoryClient{
		App: r.fields["app"], Client: r.fields["client"], Owner: r.fields["owner"], Until: schemas.Date(r.fields["until"]),
	}
	if _, err := schemas.ParseSubject("key/" + c.App); err != nil || c.Client == "" {
		return c, schemas.Hint(errors.New("it needs the name of an app and a client"), "fill the columns app and client")
	}
	if _, err := time.Parse(time.DateOnly, string(c.Until)); c.Until != "" && err != nil {
		return c, schemas.Hint(errors.New("until is not a day"), "write it as in 2026-01-31")
	}
	var err error
	if c.Cadence, err = parseCadence(r.fields["cadence"]); err != nil {
		return c, err
	}
	return c, r.count(&c)
}

// parseCadence reads how often a client comes, at least; zero if nobody says.
func parseCadence(text string) (schemas.Duration, error) {
	switch strings.ToLower(text) {
	case "":
		return 0, nil
	case "hourly":
		return schemas.Duration(time.Hour), nil
	case "daily":
		return schemas.Duration(days), nil
	case "weekly":
		return schemas.Duration(7 * days), nil
	case "monthly":
		return schemas.Duration(31 * days), nil
	case "quarterly":
		return schemas.Duration(92 * days), nil
	}
	d, err := schemas.ParseDuration(text)
	if err != nil || d == 0 {
		return 0, schemas.Hint(errors.New("cadence is not a duration"), "write daily, weekly, monthly, quarterly, or a duration such as 12h or 14d")
	}
	return d, nil
}
