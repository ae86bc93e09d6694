package migrate

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"
	"time"

	"lockstep/schemas"
)

// EncodeInventoryCSV writes the clients of an inventory with the columns that
// [ImportInventory] reads, for who carries them by hand. Decisions of people,
// factors and the history stay behind.
func EncodeInventoryCSV(inventory *schemas.Inventory) ([]byte, error) {
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	_ = w.Write(importColumns()) // Flush keeps the error
	for _, c := range sortedInventory(inventory).Clients {
		_ = w.Write([]string{
			c.App, c.Client, unlessZero(c.Cadence), c.Owner, string(c.Until), strconv.Itoa(c.Days), unlessZero(c.Gap), lastText(c.Last),
		})
	}
	if w.Flush(); w.Error() != nil {
		return nil, fmt.Errorf("encode inventory: %w", w.Error())
	}
	return buf.Bytes(), nil
}

func unlessZero(d schemas.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func lastText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// count reads what was counted of a client: days, gap and last.
func (r importRow) count(c *schemas.InventoryClient) error {
	var err error
	if text := r.fields["days"]; text != "" {
		if c.Days, err = strconv.Atoi(text); err != nil || c.Days < 0 {
			return schemas.Hint(fmt.Errorf("days is not a number of days"), "write a whole number, or nothing")
		}
	}
	if text := r.fields["gap"]; text != "" {
		if c.Gap, err = schemas.ParseDuration(text); err != nil {
			return fmt.Errorf("gap: %w", err)
		}
	}
	if text := r.fields["last"]; text != "" {
		if c.Last, err = time.Parse(time.RFC3339, text); err != nil {
			return schemas.Hint(fmt.Errorf("last is not a time"), "write it as in 2026-01-31T12:00:00Z, or nothing")
		}
	}
	return nil
}
