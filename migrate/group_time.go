package migrate

import (
	"math"
	"time"
)

// A groupClock reads the times of lines, most of them without a clock: lines
// that follow each other are of the same day.
type groupClock struct {
	clock
	date string // that was read last, as 2026-11-21
	day  int64  // its first moment, in milliseconds
}

// newGroupClock is for one goroutine.
func newGroupClock(c clock) groupClock { return groupClock{clock: c} }

// read is the moment that a value names, which stands raw in a line; false if
// there is none, or if only the mapping can tell what is wrong with it.
func (c *groupClock) read(raw string) (ms int64, ok bool) {
	if c.layout == time.RFC3339Nano {
		ms, ok = c.rfc3339(raw)
	} else if c.layout == "" {
		ms, ok = c.number(raw)
	}
	if !ok {
		ms, ok = c.milliseconds(decodeRaw(raw))
	}
	return ms, ok && ms > 0 && ms <= latestMS
}

// rfc3339 reads "2026-11-21T10:00:00.123Z", with quotes, and other offsets.
func (c *groupClock) rfc3339(raw string) (ms int64, ok bool) {
	const shortest = len(`"2006-01-02T15:04:05Z"`)
	if len(raw) < shortest || raw[0] != '"' || raw[11] != 'T' || raw[14] != ':' || raw[17] != ':' {
		return 0, false
	}
	if raw[1:11] != c.date && !c.setDate(raw[1:11]) {
		return 0, false
	}
	hour, minute, second := twoDigits(raw, 12), twoDigits(raw, 15), twoDigits(raw, 18)
	if hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	ms = c.day + int64(hour)*hourMS + int64(minute)*minuteMS + int64(second)*1000
	at := 20
	if raw[at] == '.' {
		at++
		for unit := int64(100); raw[at]-'0' <= 9; unit /= 10 {
			ms += unit * int64(raw[at]-'0')
			at++
		}
		if at == 21 {
			return 0, false
		}
	}
	offset, ok := zoneOffset(raw[at : len(raw)-1])
	return ms - offset, ok
}

// zoneOffset reads Z or +08:00.
func zoneOffset(text string) (ms int64, ok bool) {
	if text == "Z" {
		return 0, true
	}
	if len(text) != len("+08:00") || text[3] != ':' || text[0] != '+' && text[0] != '-' {
		return 0, false
	}
	hours, minutes := twoDigits(text, 1), twoDigits(text, 4)
	ms = int64(hours)*hourMS + int64(minutes)*minuteMS
	if text[0] == '-' {
		ms = -ms
	}
	return ms, hours < 24 && minutes < 60
}

// twoDigits is the number at a place of a text; more than 99 if there is none.
func twoDigits(text string, at int) uint {
	tens, digit := uint(text[at]-'0'), uint(text[at+1]-'0')
	if tens > 9 || digit > 9 {
		return 100
	}
	return tens*10 + digit
}

func (c *groupClock) setDate(date string) bool {
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return false
	}
	c.date, c.day = at.Format(time.DateOnly), at.UnixMilli()
	return true
}

// number reads digits, with a dot among them or not, that a float64 can hold.
func (c *groupClock) number(raw string) (ms int64, ok bool) {
	if len(raw) > 2 && raw[0] == '"' {
		raw = raw[1 : len(raw)-1]
	}
	if len(raw) == 0 || len(raw) > 17 {
		return 0, false
	}
	var mantissa, dot uint64
	scale := 1.0
	for i := range len(raw) {
		switch digit := uint64(raw[i] - '0'); {
		case digit <= 9:
			mantissa = mantissa*10 + digit
			if dot > 0 {
				scale *= 10
			}
		case raw[i] == '.' && i > 0 && i < len(raw)-1 && dot == 0:
			dot++
		default:
			return 0, false
		}
	}
	// Both are exact, so that the quotient is the nearest number, as it is when parsed.
	value := math.Round(float64(mantissa) / scale * c.unit)
	return int64(value), mantissa < 1<<53
}
