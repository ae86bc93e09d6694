package logdb

import (
	"strconv"
	"strings"
	"time"

	"lockstep/schemas"
)

// duckDBWords are what SQL is called there.
type duckDBWords struct{}

func (duckDBWords) presets() []schemas.LogLayout {
	return []schemas.LogLayout{schemas.LayoutColumns, schemas.LayoutJSON}
}

func (duckDBWords) name(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func (duckDBWords) text(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func (w duckDBWords) json(body string, path []string) string {
	at := []string{"$"}
	for _, name := range path {
		at = append(at, `"`+strings.ReplaceAll(name, `"`, `\"`)+`"`)
	}
	return "CAST(json_extract(" + body + ", " + w.text(strings.Join(at, ".")) + ") AS VARCHAR)"
}

func (duckDBWords) moment(column string) string { return "epoch_ms(" + column + ")" }

func (duckDBWords) whole(expression string) string { return "CAST(" + expression + " AS UBIGINT)" }

func (duckDBWords) count() string { return "count(*)" }

func (duckDBWords) hours(ms string) string {
	return "bit_or(CAST(1 AS UBIGINT) << (" + ms + " // 3600000 % 24))"
}

func (duckDBWords) date(unix int64) string {
	return "make_timestamp(" + strconv.FormatInt(unix*1_000_000, 10) + ")"
}

// slack covers the zone of the session, which decides what a date without one
// means, and a column of days.
func (duckDBWords) slack() time.Duration { return 48 * time.Hour }
