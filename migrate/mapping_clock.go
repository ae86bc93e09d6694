package migrate

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"lockstep/schemas"
)

// The layouts of time that have a name.
const (
	layoutRFC3339 = "rfc3339"
	layoutUnix    = "unix"
	layoutUnixMS  = "unix_ms"
	layoutCLF     = "clf" // the common log format of Apache and nginx
)

// A clock reads the times of a log.
type clock struct {
	layout string // of package time; empty for numbers
	unit   float64
	zone   *time.Location
}

// newClock refuses a layout that leaves the zone open, as the machine that
// reads a log is rarely where it was written, and a zone that is misspelt also
// where the times have their own.
func newClock(layout, timezone string) (clock, error) {
	zone, err := time.LoadLocation(timezone)
	if err != nil || timezone == "Local" {
		return clock{}, schemas.Hint(errors.New("timezone: there is no such zone"), "use a name such as UTC or Asia/Shanghai")
	}
	switch layout {
	case layoutUnix:
		return clock{unit: 1000}, nil
	case layoutUnixMS:
		return clock{unit: 1}, nil
	case layoutCLF:
		layout = "02/Jan/2006:15:04:05 -0700"
	case layoutRFC3339, "":
		layout = time.RFC3339Nano
	}
	hasZone := strings.Contains(layout, "Z07") || strings.Contains(layout, "-07")
	switch {
	case !strings.Contains(layout, "2006") || !strings.Contains(layout, "15"):
		return clock{}, schemas.Hint(errors.New("layout: it has no year or no hour"),
			"write the moment 2006-01-02 15:04:05 as the log would, or use rfc3339, unix, unix_ms or clf")
	case timezone == "" && !hasZone:
		return clock{}, schemas.Hint(errors.New("timezone is missing, and the layout has none"),
			"name that of the log, as in Asia/Shanghai, or give --timezone")
	}
	return clock{layout: layout, zone: zone}, nil
}

// read returns the moment that value names, in UTC.
func (c clock) read(value any, r *reader) time.Time {
	ms, ok := c.milliseconds(value)
	if !ok || ms <= 0 || ms > latestMS {
		r.fail("time is not one in the layout of the mapping")
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// latestMS is the last moment that an event may have, in the year 9999.
const latestMS = 253402300799999

func (c clock) milliseconds(value any) (int64, bool) {
	if c.layout != "" {
		at, err := time.ParseInLocation(c.layout, asText(value), c.zone)
		return at.UnixMilli(), err == nil
	}
	seconds, err := strconv.ParseFloat(asText(value), 64)
	ms := math.Round(seconds * c.unit)
	return int64(ms), err == nil && math.Abs(ms) < 1<<53
}
