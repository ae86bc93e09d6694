package apollo

import (
	"strings"
	"time"

	"lockstep/migrate/scan"
)

// A clock reads the times of lines that come one after the other: most are of
// the same hour as the one before.
type clock struct {
	zone   *time.Location
	hour   [2]uint64 // the first and the last eight bytes, as it is written with the colon behind it
	rest   uint64    // what follows, if all digits are 0: it has the point or comma of the last line
	offset string    // behind the time
	ms     int64     // when the hour began
}

// hourSize is where the minute begins in a time.
const hourSize = len("2026-11-21 01:")

// timeSize is how long a time is without its offset.
const timeSize = len("2026-11-21 01:18:41.758")

// read reads the time at the beginning of a line, of which a blank follows, and
// how long it is: 0 if it has to be read in full.
func (c *clock) read(line string) (ms int64, size int) {
	if len(line) <= timeSize+len(c.offset) {
		return 0, 0
	}
	if !c.isHour(line) && !c.turn(line) {
		return 0, 0
	}
	digits := scan.Load(line, hourSize) ^ c.rest
	last := uint64(line[timeSize-1] - '0')
	if (digits+(ones*0x7f-notAbove)|digits)&highs != 0 || last > 9 {
		return 0, 0
	}
	digit := func(i int) int64 { return int64(digits >> uint(8*i) & 0xff) } //nolint:gosec // a byte
	minute, second := 10*digit(0)+digit(1), 10*digit(3)+digit(4)
	return c.ms + 60_000*minute + 1000*second + 100*digit(6) + 10*digit(7) + int64(last), timeSize + len(c.offset) //nolint:gosec // a digit
}

// notAbove has the highest value of each byte of minute, second and fraction:
// of digits, and 0 for what stands between them.
const notAbove = 0x09_09_00_09_05_00_09_05

// isHour reports whether a line is of the hour of the one before, and written like it.
func (c *clock) isHour(line string) bool {
	behind := line[timeSize:]
	return c.ms > 0 && c.hour == [2]uint64{scan.Load(line, 0), scan.Load(line, hourSize-8)} && line[hourSize+5] == byte(c.rest>>40) &&
		behind[len(c.offset)] == ' ' && behind[:len(c.offset)] == c.offset
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
	c.hour, c.rest = [2]uint64{scan.Load(line, 0), scan.Load(line, hourSize-8)}, scan.Load("00:00.00", 0)&^(0xff<<40)|uint64(line[hourSize+5])<<40
	c.offset, c.ms = s.offset, begin.UnixMilli()
	return true
}
