package migrate

import (
	"context"
	"database/sql"
	"iter"
	"math"
	"strings"
)

// tallyColumns is how many columns a tally has.
const tallyColumns = 12

// rowsAtOnce is how many tallies one statement stores.
const rowsAtOnce = 64

// upsertTallies is the statement that merges so many tallies into the stored
// ones, like [schemas.Tally.Merge]. A sum stays at the highest number.
func upsertTallies(count int) string {
	row := "(?" + strings.Repeat(",?", tallyColumns-1) + ")"
	return "INSERT INTO tally VALUES " + row + strings.Repeat(","+row, count-1) + `
ON CONFLICT DO UPDATE SET
	count = CASE WHEN count > 9223372036854775807 - excluded.count THEN 9223372036854775807 ELSE count + excluded.count END,
	first_ms = min(first_ms, excluded.first_ms), last_ms = max(last_ms, excluded.last_ms), hours = hours | excluded.hours`
}

// saveTallies merges rows into the stored tallies.
func saveTallies(ctx context.Context, tx *sql.Tx, rows iter.Seq2[tallyRow, error]) error {
	many, err := tx.PrepareContext(ctx, upsertTallies(rowsAtOnce))
	if err != nil {
		return err //nolint:wrapcheck // the store explains it
	}
	defer many.Close()
	values := make([]any, 0, rowsAtOnce*tallyColumns)
	for row, err := range rows {
		if err != nil {
			return err
		}
		if values = appendTally(values, &row); len(values) < cap(values) {
			continue
		}
		if _, err := many.ExecContext(ctx, values...); err != nil {
			return err //nolint:wrapcheck // the store explains it
		}
		values = values[:0]
	}
	if len(values) == 0 {
		return nil
	}
	_, err = tx.ExecContext(ctx, upsertTallies(len(values)/tallyColumns), values...)
	return err //nolint:wrapcheck // the store explains it
}

func appendTally(values []any, row *tallyRow) []any {
	for _, text := range row.texts() {
		values = append(values, *text)
	}
	count := min(row.Count, math.MaxInt64) // SQLite has no unsigned numbers
	return append(values, int64(count), row.FirstMS, row.LastMS, row.Hours)
}

// rows implements [tallySource].
func (s *store) rows(ctx context.Context) iter.Seq2[tallyRow, error] {
	const columns = "subject, client, how, outcome, reason, day, node, environment"
	var row tallyRow
	into := make([]any, 0, tallyColumns)
	for _, text := range row.texts() {
		into = append(into, text)
	}
	into = append(into, &row.Count, &row.FirstMS, &row.LastMS, &row.Hours)
	return query(ctx, s, "SELECT "+columns+", count, first_ms, last_ms, hours FROM tally ORDER BY "+columns,
		func(rows *sql.Rows) (tallyRow, error) {
			err := rows.Scan(into...)
			return row, err
		})
}
