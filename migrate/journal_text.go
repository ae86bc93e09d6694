package migrate

import (
	"fmt"
	"io"
	"strings"
	"time"

	"lockstep/schemas"
)

// WriteJournal writes entries of a journal for people, one line for each
// subject that changed.
func WriteJournal(w io.Writer, entries []schemas.JournalEntry) error {
	text := &strings.Builder{}
	table := newTable(text)
	fmt.Fprintln(table, "SEQ\tTIME\tWHO\tACTION\tSUBJECT\tCHANGE\tREASON")
	for _, e := range entries {
		changes := e.Changes
		if len(changes) == 0 {
			changes = []schemas.Change{{Subject: "-"}}
		}
		for _, c := range changes {
			fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Seq, e.Time.UTC().Format(time.RFC3339),
				printable(e.Who), e.Action, printable(c.Subject), changeText(c), because(e))
		}
	}
	_ = table.Flush() // it writes to memory
	if _, err := io.WriteString(w, text.String()); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}

// changeText shows modes, or what else changed where the mode did not.
func changeText(c schemas.Change) string {
	switch {
	case c.Before == nil && c.After == nil:
		return "-"
	case c.Before == nil:
		return "(new) → " + string(c.After.Mode)
	case c.After == nil:
		return string(c.Before.Mode) + " → (gone)"
	case c.Stored != nil && c.Before.Mode == c.After.Mode:
		return "in Apollo: " + string(c.Stored.Mode) + " → " + string(c.After.Mode)
	case c.Before.Mode == c.After.Mode:
		return string(c.After.Mode) + " (details)"
	}
	return string(c.Before.Mode) + " → " + string(c.After.Mode)
}

// because is why an entry was made: a person's reason, or the plan.
func because(e schemas.JournalEntry) string {
	switch {
	case e.Reason != "":
		return visible(e.Reason)
	case e.Plan != "":
		return fmt.Sprintf("plan %s, batch %s", printable(e.Plan), printable(e.Batch))
	}
	return "-"
}
