package runtime

import (
	"sync/atomic"
	"time"
)

// bucket is a token bucket of one second's worth of details.
type bucket struct {
	tokens float64
	last   time.Time
}

// take reports whether there is a token left at now.
func (b *bucket) take(now time.Time) bool {
	elapsed := now.Sub(b.last).Seconds()
	if b.last.IsZero() || elapsed < 0 {
		elapsed = 1
	}
	b.last = now
	b.tokens = min(b.tokens+elapsed*detailsPerSecond, detailsPerSecond)
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// throttle lets one log line per second through and counts the others.
type throttle struct {
	last    atomic.Int64 // Unix time in seconds
	skipped atomic.Uint64
}

// allow reports whether now is a new second, and how many lines were held
// back since the last one that was not.
func (t *throttle) allow(now time.Time) (skipped uint64, ok bool) {
	second, last := now.Unix(), t.last.Load()
	if second == last || !t.last.CompareAndSwap(last, second) {
		t.skipped.Add(1)
		return 0, false
	}
	return t.skipped.Swap(0), true
}
