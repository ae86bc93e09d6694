package runtime

import (
	"testing"
	"time"
)

func TestBucket(t *testing.T) {
	t.Parallel()
	var b bucket
	taken := func(now time.Time) (n int) {
		for b.take(now) {
			n++
		}
		return n
	}
	for i, want := range []struct {
		after time.Duration
		taken int
	}{{0, 100}, {100 * time.Millisecond, 10}, {time.Hour, 100}, {time.Hour - time.Minute, 100}, {time.Hour, 100}} {
		if got := taken(noon.Add(want.after)); got != want.taken {
			t.Errorf("%d: %d tokens, want %d", i, got, want.taken)
		}
	}
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	var l throttle
	at := func(seconds int64) (uint64, bool) { return l.allow(time.Unix(seconds, 5)) }
	for i, want := range []struct {
		second  int64
		skipped uint64
		ok      bool
	}{{100, 0, true}, {100, 0, false}, {100, 0, false}, {101, 2, true}, {101, 0, false}, {102, 1, true}} {
		if skipped, ok := at(want.second); skipped != want.skipped || ok != want.ok {
			t.Errorf("%d: %d %t, want %+v", i, skipped, ok, want)
		}
	}
}
