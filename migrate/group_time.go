package migrate

import (
	"math"
	"time"

	"lockstep/migrate/scan"
)

// A groupClock reads the times of lines, most of them without a clock: lines
// that follow each other are of the same day.
type groupClock struct {
	clock
	rfc  bool   // the layout is that of RFC 3339
	date string // that was read last, as 2026-11-21
	day  int64  // its first moment, in milliseconds
	year uint64 // the first eight bytes of the date
	rest uint64 // the two behind
}

// newGroupClock is for one goroutine.
func newGroupClock(c clock) groupClock {
	return groupClock{clock: c, rfc: c.layout == time.RFC3339Nano}
}

// read is the moment that a value names, which stands raw in a line; false if
// there is none, or if only the mapping can tell what is wrong with it.
func (c *groupClock) read(raw string) (ms int64, ok bool) {
	switch {
	case c.rfc:
		if ms, ok = c.usual(raw); !ok {
			ms, ok = c.rfc3339(raw)
		}
	case c.layout == "":
		ms, ok = c.number(raw)
	}
	if !ok {
		ms, ok = c.milliseconds(decodeRaw(raw))
	}
	return ms, ok && ms > 0 && ms <= latestMS
}

// What a usual time has behind its date, in words of eight bytes, and what has
// to be added to a byte for its high bit to show that it is wrong: a digit may
// be more than that in the form, by nine.
const (
	hourForm, hourLimit     = 0x30303a3030540000, 0x76767f76767f0000 // T00:00
	secondForm, secondLimit = 0x5a3030302e30303a, 0x7f7676767f76767f // :00.000Z
)

// usual reads "2026-11-21T10:00:00.123Z" of the same day as the time before.
func (c *groupClock) usual(raw string) (ms int64, ok bool) {
	if len(raw) != len(`"2006-01-02T15:04:05.000Z"`) {
		return 0, false
	}
	day, second := scan.Load(raw, 9), scan.Load(raw, 17)
	hours, seconds := day&^0xffff^hourForm, second^secondForm
	const highs = 0x8080808080808080
	wrong := (hours | (hours + hourLimit) | seconds | (seconds + secondLimit)) & highs
	if scan.Load(raw, 1) != c.year || day&0xffff != c.rest || wrong != 0 || raw[25] != '"' {
		return 0, false
	}
	hour, minute := (hours>>24&15)*10+hours>>32&15, (hours>>48&15)*10+hours>>56&15
	rest := (seconds>>8&15)*10 + seconds>>16&15
	if hour > 23 || minute > 59 || rest > 59 {
		return 0, false
	}
	rest = rest*1000 + (seconds>>32&15)*100 + (seconds>>40&15)*10 + seconds>>48&15
	return c.day + int64(hour)*hourMS + int64(minute)*minuteMS + int64(rest), true //nolint:gosec // of a day
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
	c.year, c.rest = scan.Load(c.date, 0), uint64(c.date[8])|uint64(c.date[9])<<8
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
