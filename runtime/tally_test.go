package runtime

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"lockstep/schemas"
)

// TestTalliesAreExact has many goroutines count while another takes.
func TestTalliesAreExact(t *testing.T) {
	t.Parallel()
	const goroutines, requests = 8, 20_000
	counts := newTallies(maxTallies)
	total := map[string]uint64{}
	var mu sync.Mutex
	take := func() {
		mu.Lock()
		defer mu.Unlock()
		counts.take(func(key tallyKey, tally schemas.Tally) { total[key.client] += tally.Count })
	}
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range requests {
				counts.add(tallyKey{client: fmt.Sprint((g + i) % 10)}, 1)
				if i%1000 == 0 {
					take()
				}
			}
		})
	}
	wg.Wait()
	take()
	for client, count := range total {
		if count != goroutines*requests/10 {
			t.Errorf("client %s: %d", client, count)
		}
	}
	if len(total) != 10 || counts.size.Load() != 0 {
		t.Errorf("%d clients, %d tallies left", len(total), counts.size.Load())
	}
}

// TestTalliesOverflow counts everybody beyond the limit together.
func TestTalliesOverflow(t *testing.T) {
	t.Parallel()
	counts := newTallies(3)
	for i := range 10 {
		counts.add(tallyKey{client: fmt.Sprint("c", i), how: schemas.HowClaimed}, 1)
		counts.add(tallyKey{client: "c0", how: schemas.HowClaimed}, 1)
	}
	got := map[string]uint64{}
	counts.take(func(key tallyKey, tally schemas.Tally) { got[key.client] += tally.Count })
	if got["c0"] != 11 || got["c1"] != 1 || got["c2"] != 1 || got[schemas.OverflowClient] != 7 || len(got) != 4 {
		t.Errorf("counts %v", got)
	}
	counts.add(tallyKey{client: "c9"}, 1)
	counts.take(func(key tallyKey, _ schemas.Tally) {
		if key.client != "c9" {
			t.Errorf("after a take there is room again, but %q was counted", key.client)
		}
	})
}

// TestTallyDays splits midnight, in UTC.
func TestTallyDays(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	counts := newTallies(10)
	counts.add(tallyKey{}, midnight-1)
	counts.add(tallyKey{}, midnight)
	days := map[string]schemas.Tally{}
	counts.take(func(key tallyKey, tally schemas.Tally) { days[key.full("fat", "n1").Day] = tally })
	if days["2026-02-28"].Hours != 1<<23 || days["2026-03-01"].Hours != 1 {
		t.Errorf("days %+v", days)
	}
}
