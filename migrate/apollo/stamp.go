package apollo

import (
	"strings"
	"time"

	"lockstep/migrate"
	"lockstep/schemas"
)

// A stamp is the time of a line, in the patterns of Spring Boot: up to 2.7
// "2026-11-21 01:18:41.758", later "2026-11-21T01:18:41.758+08:00".
type stamp struct {
	year, month, day, hour, minute, second, millisecond int

	offset string // as in +08:00 or Z; empty if the line has none
}

// readStamp reads a stamp at the beginning of a text and returns what is after it.
func readStamp(text string) (s stamp, rest string, ok bool) {
	const layout = "dddd-dd-ddTdd:dd:dd"
	if len(text) < len(layout) || !looksLike(text, layout) {
		return s, text, false
	}
	s = stamp{
		year: number(text[0:4]), month: number(text[5:7]), day: number(text[8:10]),
		hour: number(text[11:13]), minute: number(text[14:16]), second: number(text[17:19]),
	}
	rest = text[len(layout):]
	if len(rest) > 3 && (rest[0] == '.' || rest[0] == ',') && looksLike(rest[1:], "ddd") {
		s.millisecond = number(rest[1:4])
		rest = strings.TrimLeft(rest[4:], "0123456789")
	}
	s.offset = offset(rest)
	return s, rest[len(s.offset):], true
}

// offset is the zone at the beginning of a text, if there is one.
func offset(text string) string {
	if strings.HasPrefix(text, "Z") {
		return "Z"
	}
	for _, layout := range []string{"+dd:dd", "+dddd"} {
		if len(text) >= len(layout) && looksLike(text, layout) {
			return text[:len(layout)]
		}
	}
	return ""
}

// looksLike compares the beginning of a text, which is long enough, with a
// layout, where d is a digit, T a space too and + any sign.
func looksLike(text, layout string) bool {
	for i := range len(layout) {
		c := text[i]
		switch layout[i] {
		case 'd':
			if !isDigit(c) {
				return false
			}
		case 'T':
			if c != 'T' && c != ' ' {
				return false
			}
		case '+':
			if c != '+' && c != '-' {
				return false
			}
		default:
			if c != layout[i] {
				return false
			}
		}
	}
	return true
}

// number is the value of a text of digits.
func number(digits string) int {
	n := 0
	for i := range len(digits) {
		n = 10*n + int(digits[i]-'0')
	}
	return n
}

// in returns the moment of a stamp; zone is that of the log, nil if nobody
// named it. The start script of Apollo sets Asia/Shanghai, wherever it runs.
func (s stamp) in(zone *time.Location) (time.Time, error) {
	if s.offset != "" {
		zone = s.fixedZone()
	}
	if zone == nil {
		return time.Time{}, schemas.Hint(migrate.ErrTimezone,
			"name the zone of the config service, which is --timezone Asia/Shanghai unless its start script was changed")
	}
	return time.Date(s.year, time.Month(s.month), s.day, s.hour, s.minute, s.second, s.millisecond*int(time.Millisecond), zone), nil
}

// fixedZone is the zone of the offset.
func (s stamp) fixedZone() *time.Location {
	if s.offset == "Z" {
		return time.UTC
	}
	digits := strings.ReplaceAll(s.offset[1:], ":", "")
	seconds := 3600*number(digits[:2]) + 60*number(digits[2:])
	if s.offset[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone("", seconds)
}
