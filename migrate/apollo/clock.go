package apollo

import (
	"strings"
	"time"
)

// A clock reads the times of lines that come one after the other: most are of
// the same hour as the one before.
type clock struct {
	zone   *time.Location
	hour   string // as it is written, with the colon behind it
	offset string // behind the time
	ms     int64  // when the hour began
}

// hourSize is where the minute begins in a time.
const hourSize = len("2026-11-21 01:")

// timeSize is how long a time is without its offset.
const timeSize = len("2026-11-21 01:18:41.758")

// read reads the time at the beginning of a line, of which a blank follows, and
// how long it is: 0 if it has to be read in full.
func (c *clock) read(line string) (ms int64, size int) {
	if len(line) <= timeSize+len(c.offset) || !looksLike(line[hourSize:], "dd:dd") || !isFraction(line[hourSize+5:]) {
		return 0, 0
	}
	if c.hour == "" || line[:hourSize] != c.hour || line[timeSize:timeSize+len(c.offset)] != c.offset || line[timeSize+len(c.offset)] != ' ' {
		if !c.turn(line) {
			return 0, 0
		}
	}
	minute, second := number(line[hourSize:hourSize+2]), number(line[hourSize+3:hourSize+5])
	if minute > 59 || second > 59 {
		return 0, 0
	}
	return c.ms + int64(60_000*minute+1000*second+number(line[timeSize-3:timeSize])), timeSize + len(c.offset)
}

// isFraction reports whether a text begins with milliseconds, and no more than those.
func isFraction(text string) bool {
	return (text[0] == '.' || text[0] == ',') && isDigit(text[1]) && isDigit(text[2]) && isDigit(text[3]) && !isDigit(text[4])
}

// turn goes on to the hour of a line, if the time runs evenly in it.
func (c *clock) turn(line string) bool {
	s, rest, ok := readStamp(line)
	if !ok || len(line)-len(rest) != timeSize+len(s.offset) || !strings.HasPrefix(rest, " ") {
		return false
	}
	s.minute, s.second, s.millisecond = 0, 0, 0
	begin, err := s.in(c.zone)
	s.minute, s.second, s.millisecond = 59, 59, 999
	end, endErr := s.in(c.zone)
	begin, end = begin.UTC(), end.UTC()
	if err != nil || endErr != nil || end.Sub(begin) != time.Hour-time.Millisecond || begin.UnixMilli() <= 0 || end.Year() > 9999 {
		return false
	}
	c.hour, c.offset, c.ms = line[:hourSize], s.offset, begin.UnixMilli()
	return true
}
