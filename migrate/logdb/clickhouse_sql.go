package logdb

import (
	"strconv"
	"strings"
	"time"

	"lockstep/schemas"
)

// clickHouseWords are what SQL is called there.
type clickHouseWords struct{}

func (clickHouseWords) presets() []schemas.LogLayout {
	return []schemas.LogLayout{schemas.LayoutColumns, schemas.LayoutOTel, schemas.LayoutJSON}
}

func (clickHouseWords) name(name string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(name) + "`"
}

func (clickHouseWords) text(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\x00", `\0`).Replace(text) + "'"
}

func (w clickHouseWords) json(body string, path []string) string {
	parts := []string{body}
	for _, name := range path {
		parts = append(parts, w.text(name))
	}
	return "JSONExtractRaw(" + strings.Join(parts, ", ") + ")"
}

func (clickHouseWords) moment(column string) string { return "toUnixTimestamp64Milli(" + column + ")" }

func (clickHouseWords) whole(expression string) string { return "toUInt64(" + expression + ")" }

func (clickHouseWords) count() string { return "count()" }

func (clickHouseWords) hours(ms string) string {
	return "groupBitOr(bitShiftLeft(toUInt64(1), intDiv(" + ms + ", toUInt64(3600000)) % 24))"
}

func (clickHouseWords) date(unix int64) string {
	return "toDateTime(" + strconv.FormatInt(unix, 10) + ")"
}

func (clickHouseWords) slack() time.Duration { return 0 }
