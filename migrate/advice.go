package migrate

import (
	"fmt"
	"time"
)

// Jobs that run once a month mostly run on its first day, so a window that
// has one in it sees most of them, and a week that has none a quarter.

// placement says when to begin observing so that the window straddles the
// first of a month; empty if it does so anyway, or is too short to straddle a day.
func placement(now time.Time, window time.Duration) string {
	first := nextFirst(now)
	if window < 3*days || !first.Add(days).After(now.Add(window)) {
		return ""
	}
	begin := first.Add(-window / 2).UTC().Truncate(days)
	return fmt.Sprintf("begin on %s: a window of %s from then on has the first of a month in it, when most monthly jobs run",
		begin.Format(time.DateOnly), roughly(window))
}

// straddle says until when to wait so that the time since start has the
// first of a month in it; empty if it has.
func straddle(start, now time.Time) string {
	end := nextFirst(start).Add(days)
	if !end.After(now) {
		return ""
	}
	return fmt.Sprintf("no first of a month since %s, when most monthly jobs run; from %s on there is one",
		start.UTC().Format(time.DateOnly), end.Format(time.DateOnly))
}

// nextFirst is the first beginning of a month that is not before t, in UTC.
func nextFirst(t time.Time) time.Time {
	t = t.UTC()
	first := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	if t.After(first) {
		first = first.AddDate(0, 1, 0)
	}
	return first
}
