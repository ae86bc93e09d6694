package migrate

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// A time is read as the clock of the mapping reads it, or left to that.
func FuzzGroupClock(f *testing.F) {
	for _, text := range []string{
		"2026-11-21T10:00:00.123Z", "2026-11-21T10:00:00Z", "2026-11-21T23:59:60.000Z", "2026-11-21T24:00:00.000Z", "2026-11-21T10:60:00.000Z",
		"2026-11-21T10:00:00.123456789+08:00", "2026-11-21T10:00:00.5-23:59", "2026-11-21T10:00:00+24:00", "2026-02-29T10:00:00.123Z",
		"2028-02-29T10:00:00.123Z", "0001-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z", "2026-11-21t10:00:00.123Z",
		"2026-11-21T1:00:00.1234Z", "2026-11-21T10:00:00,123Z", "2026-11-21T10:00:00.Z", "2026-11-21T10:00:0:.123Z", "2026-11-21T10:00:00.1/3Z",
		"1763719200", "1763719200.123", "1763719200.1234567", ".5", "5.", "1e9", "-1", "0x10", "1_0", "", "253402300799.999", "9007199254740993",
	} {
		f.Add(text)
	}
	clocks := map[string]clock{}
	for _, layout := range []string{layoutRFC3339, layoutUnix, layoutUnixMS, layoutCLF, "2006-01-02T15:04:05.000"} {
		c, err := newClock(layout, "Asia/Shanghai")
		if err != nil {
			f.Fatal(err)
		}
		clocks[layout] = c
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		raws := []string{string(quoted)}
		if json.Valid([]byte(text)) && !strings.ContainsAny(text, "\n") {
			raws = append(raws, strings.TrimSpace(text))
		}
		for layout, c := range clocks {
			fast := newGroupClock(c)
			for _, raw := range append(raws, raws...) { // the second time the date is known
				checkClock(t, layout, &fast, raw)
			}
		}
	})
}

func checkClock(t *testing.T, layout string, c *groupClock, raw string) {
	t.Helper()
	var r reader
	want := c.clock.read(decodeRaw(raw), &r)
	got, ok := c.read(raw)
	if ok != (r.err == nil) || ok && got != want.UnixMilli() {
		t.Errorf("%s: %s is %s, %v; want %s, %v", layout, raw, time.UnixMilli(got).UTC(), ok, want, r.err)
	}
}

// Most times take the shortest way.
func TestGroupClockKnowsTheDay(t *testing.T) {
	t.Parallel()
	c, err := newClock(layoutRFC3339, "")
	if err != nil {
		t.Fatal(err)
	}
	g := newGroupClock(c)
	for i, raw := range []string{`"2026-11-21T00:00:00.000Z"`, `"2026-11-21T09:59:58.765Z"`, `"2026-11-21T23:59:59.999Z"`} {
		want, ok := g.read(raw)
		if got, usual := g.usual(raw); !ok || !usual || got != want || i == 1 && got != 1795255198765 {
			t.Errorf("%s: %d, %v; want %d, %v", raw, got, usual, want, ok)
		}
	}
}
