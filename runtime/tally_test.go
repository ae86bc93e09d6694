package runtime

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"lockstep/schemas"
)

// TestTalliesAreExact has many goroutines count while another takes.
func TestTalliesAreExact(t *testing.T) {
	t.Parallel()
	const goroutines, requests = 8, 20_000
	counts := newTallies(maxTallies, maxKnown)
	total := map[string]uint64{}
	var mu sync.Mutex
	take := func() {
		mu.Lock()
		defer mu.Unlock()
		counts.take(func(key tallyKey, tally *classTally) { total[key.client] += tally.Count })
	}
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range requests {
				counts.add("key/demo", tallyKey{client: fmt.Sprint((g + i) % 10)}, 1)
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
	if len(total) != 10 || counts.size[strange].Load() != 0 {
		t.Errorf("%d clients, %d tallies left", len(total), counts.size[strange].Load())
	}
}

// TestTalliesOverflow counts everybody beyond the limit together.
func TestTalliesOverflow(t *testing.T) {
	t.Parallel()
	counts := newTallies(30, maxKnown)
	for i := range 10 {
		counts.add("key/demo", tallyKey{client: fmt.Sprint("c", i), how: schemas.HowClaimed, outcome: schemas.OutcomeFail}, 1)
		counts.add("key/demo", tallyKey{client: "c0", how: schemas.HowClaimed, outcome: schemas.OutcomeFail}, 1)
	}
	got := map[string]uint64{}
	counts.take(func(key tallyKey, tally *classTally) { got[key.client] += tally.Count })
	if got["c0"] != 11 || got["c1"] != 1 || got["c2"] != 1 || got[schemas.OverflowClient] != 7 || len(got) != 4 {
		t.Errorf("counts %v", got)
	}
	counts.add("key/demo", tallyKey{client: "c9"}, 1)
	counts.take(func(key tallyKey, _ *classTally) {
		if key.client != "c9" {
			t.Errorf("after a take there is room again, but %q was counted", key.client)
		}
	})
}

// TestTallyDays splits midnight, in UTC.
func TestTallyDays(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	counts := newTallies(10, maxKnown)
	counts.add("key/demo", tallyKey{}, midnight-1)
	counts.add("key/demo", tallyKey{}, midnight)
	days := map[string]schemas.Tally{}
	counts.take(func(key tallyKey, tally *classTally) { days[key.full("fat", "n1").Day] = tally.Tally })
	if days["2026-02-28"].Hours != 1<<23 || days["2026-03-01"].Hours != 1 {
		t.Errorf("days %+v", days)
	}
}

// TestStrangersDoNotPushOut invents names without end, a million with FULL=1: those that pass keep
// their tallies, of passes and failures, and so does one that comes later.
func TestStrangersDoNotPushOut(t *testing.T) {
	t.Parallel()
	invented := uint64(50_000)
	if os.Getenv("FULL") != "" {
		invented = 1_000_000
	}
	counts := newTallies(1000, maxKnown)
	add := func(name string, outcome schemas.Outcome) {
		counts.add("key/demo", tallyKey{subject: "key/demo", client: name, how: schemas.HowClaimed, outcome: outcome}, 1)
	}
	got := map[tallyKey]uint64{}
	take := func() {
		clear(got)
		counts.take(func(key tallyKey, tally *classTally) {
			got[tallyKey{client: key.client, outcome: key.outcome}] += tally.Count
		})
	}
	for i := range 100 {
		add(fmt.Sprint("known", i), schemas.OutcomeOK)
	}
	take() // who has passed is known beyond a flush
	for i := range invented {
		add(fmt.Sprint("invented", i), schemas.OutcomeFail)
	}
	for i := range 100 {
		add(fmt.Sprint("known", i), schemas.OutcomeFail)
		add(fmt.Sprint("late", i), schemas.OutcomeOK)
		add(fmt.Sprint("late", i), schemas.OutcomeFail)
	}
	take()
	for i := range 100 {
		for _, key := range []tallyKey{
			{client: fmt.Sprint("known", i), outcome: schemas.OutcomeFail},
			{client: fmt.Sprint("late", i), outcome: schemas.OutcomeOK},
			{client: fmt.Sprint("late", i), outcome: schemas.OutcomeFail},
		} {
			if got[key] != 1 {
				t.Errorf("%+v is counted %d times", key, got[key])
			}
		}
	}
	if n := got[tallyKey{client: schemas.OverflowClient, outcome: schemas.OutcomeFail}]; n != invented-100 {
		t.Errorf("%d strangers in the overflow", n)
	}
	if n := got[tallyKey{client: schemas.OverflowClient, outcome: schemas.OutcomeOK}]; n != 0 {
		t.Errorf("%d passes in the overflow", n)
	}
}

// TestPassesOverflow counts clients beyond the limit as passes of nobody, which
// marks the window as incomplete, and forgets who passed longest ago.
func TestPassesOverflow(t *testing.T) {
	t.Parallel()
	counts := newTallies(10, 0)
	for i := range 1000 {
		counts.add("key/demo", tallyKey{client: fmt.Sprint(i), outcome: schemas.OutcomeOK}, 1)
	}
	got := map[string]uint64{}
	counts.take(func(key tallyKey, tally *classTally) { got[key.client] += tally.Count })
	if len(got) != 11 || got[schemas.OverflowClient] != 990 {
		t.Errorf("%d clients, %d in the overflow", len(got), got[schemas.OverflowClient])
	}
	known := 0
	for i := range counts.shards {
		known += len(counts.shards[i].fresh) + len(counts.shards[i].aged)
	}
	if limit := 2 * len(counts.shards); known == 0 || known > limit {
		t.Errorf("%d clients are remembered, at most %d should be", known, limit)
	}
}
