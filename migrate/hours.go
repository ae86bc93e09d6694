package migrate

import (
	"iter"
	"maps"
	"math"
	"math/bits"
	"slices"
	"time"
)

const (
	minuteMS = int64(time.Minute / time.Millisecond)
	hourMS   = 60 * minuteMS
	dayMS    = 24 * hourMS
)

// hours is a set of UTC hours: for each day since 1970 a mask whose bit h
// stands for hour h, as in a tally.
type hours map[int64]uint32

func (h hours) add(ms int64) { h.addDay(ms/dayMS, 1<<(ms%dayMS/hourMS)) }

func (h hours) addDay(day int64, mask uint32) { h[day] |= mask }

func (h hours) has(hour int64) bool { return h[hour/24]&(1<<(hour%24)) != 0 }

func (h hours) count() int {
	n := 0
	for _, mask := range h {
		n += bits.OnesCount32(mask)
	}
	return n
}

// days counts the days with an hour in the set.
func (h hours) days() int {
	n := 0
	for _, mask := range h {
		if mask != 0 {
			n++
		}
	}
	return n
}

// countFrom counts the hours in the set from hour on, itself included. An
// hour is a number of hours since 1970.
func (h hours) countFrom(hour int64) int {
	n := 0
	for day, mask := range h {
		n += bits.OnesCount32(mask & maskFrom(day, hour))
	}
	return n
}

// maskFrom has the bits of those hours of day that are not before hour.
func maskFrom(day, hour int64) uint32 {
	const all = 1<<24 - 1
	return all << min(max(hour-day*24, 0), 24) & all
}

// holes yields the stretches of hours between the first and the last hour of
// the set that are not in it: from inclusive, to exclusive.
func (h hours) holes() iter.Seq2[int64, int64] {
	return func(yield func(from, to int64) bool) {
		next := int64(-1) // the hour after the last one seen
		for _, day := range slices.Sorted(maps.Keys(h)) {
			for hour := day * 24; hour < (day+1)*24; hour++ {
				if !h.has(hour) {
					continue
				}
				if next >= 0 && hour > next && !yield(next, hour) {
					return
				}
				next = hour + 1
			}
		}
	}
}

// minutes is a set of minutes: for each hour since 1970 a mask whose bit m
// stands for its minute m.
type minutes map[int64]uint64

func (m minutes) add(ms int64) { m[ms/hourMS] |= 1 << (ms % hourMS / minuteMS) }

// after is the beginning of the first minute in the set that is later than
// that of ms, and the end of time if there is none.
func (m minutes) after(ms int64) int64 {
	first, next := int64(math.MaxInt64), ms/minuteMS+1
	for hour, mask := range m {
		if mask &= ^uint64(0) << min(max(next-hour*60, 0), 64); mask != 0 {
			first = min(first, hour*hourMS+int64(bits.TrailingZeros64(mask))*minuteMS)
		}
	}
	return first
}

// utc is the moment of ms, a Unix time in milliseconds; zero stays zero.
func utc(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// hourStart is the first moment of an hour that is counted since 1970.
func hourStart(hour int64) time.Time { return time.UnixMilli(hour * hourMS).UTC() }
