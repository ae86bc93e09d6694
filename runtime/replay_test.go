package runtime

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"lockstep/schemas"
)

// TestReplaysAreSeen uses a signature again just before and just after it is
// no good any more, and with a clock that is set back.
func TestReplaysAreSeen(t *testing.T) {
	t.Parallel()
	const life = 120_000
	r := newReplays(maxReplays)
	for i, use := range []struct {
		signature string
		at        int64
		again     bool
	}{
		{"a", 1_000_000, false},
		{"a", 1_000_000, true},
		{"b", 1_000_001, false},
		{"a", 1_000_000 + life, true},     // in the next generation
		{"a", 1_000_000 + 2*life, false},  // in the one after that
		{"a", 1_000_000 + 50*life, false}, // after a long silence
		{"a", 2_000_000, true},            // the clock is set back: what was seen is not forgotten
		{"c", 2_000_000, false},
		{"c", 2_000_000 + life - 1, true},
		{"c", 2_000_000 + 3*life, false}, // nor does an odd clock keep it for ever
	} {
		if again, full := r.seen(use.signature, use.at, life); again != use.again || full {
			t.Errorf("use %d: %s at %d: again %t, full %t", i, use.signature, use.at, again, full)
		}
	}
}

// TestReplaysAreBounded opens, and says so, when there is no more room.
func TestReplaysAreBounded(t *testing.T) {
	t.Parallel()
	const limit = 1 << 12
	r := newReplays(limit)
	unseen, size := 0, 0
	for i := range 2 * limit {
		signature := fmt.Sprint("signature ", i)
		_, full := r.seen(signature, 1_000_000, 1000)
		again, fullAgain := r.seen(signature, 1_000_000, 1000)
		if full != fullAgain || again == full {
			t.Fatalf("full %t, then %t and again %t", full, fullAgain, again)
		}
		if full {
			unseen++
		}
	}
	for i := range r.shards {
		size += len(r.shards[i].fresh) + len(r.shards[i].stale)
	}
	if unseen == 0 || size > limit/2 || size+unseen != 2*limit {
		t.Errorf("%d remembered, %d not, of %d", size, unseen, 2*limit)
	}
}

// TestReplaysRace has many use the same signatures at once: exactly one use of
// each is the first.
func TestReplaysRace(t *testing.T) {
	t.Parallel()
	r := newReplays(maxReplays)
	var first [1000]int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range first {
				if again, _ := r.seen(fmt.Sprint(i), 1_000_000, 120_000); !again {
					mu.Lock()
					first[i]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for i, n := range first {
		if n != 1 {
			t.Errorf("signature %d was new %d times", i, n)
		}
	}
}

// TestReplayPolicy replays a request under each setting and in both modes, on
// a server whose policy is changed while it runs.
func TestReplayPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.start()
	set := func(replay, mode string) {
		was := w.server.Status().Good.Number
		w.replace("rollout.yaml", rollout("key/demo/k1", mode, "file:k1")+"# "+replay+"\n")
		w.replace("policy.yaml", strings.Replace(plainPolicy, "app: demo", "app: demo"+replay, 1))
		w.eventually("both files", func() bool {
			route := w.server.current.Load().routes["svc"]
			a := route.auth.at(time.Now())
			return w.server.Status().Good.Number > was && a.strict() == (mode == "enforce") &&
				(replay == "" || strings.HasSuffix(replay, string(a.replay)))
		})
	}
	var headers []string
	twice := func() (first, second int) {
		headers = sign(t, secret1, target)
		first, _ = w.get(target, headers...)
		second, _ = w.get(target, headers...)
		return first, second
	}
	for _, c := range []struct {
		replay, mode string
		second       int
	}{
		{"", "enforce", http.StatusOK},
		{", replay: reject", "enforce", http.StatusUnauthorized},
		{", replay: reject", "observe", http.StatusOK},
		{", replay: off", "enforce", http.StatusOK},
		{", replay: count", "enforce", http.StatusOK},
	} {
		set(c.replay, c.mode)
		before := headers
		if first, second := twice(); first != http.StatusOK || second != c.second {
			t.Errorf("%s in mode %s: %d, then %d", c.replay, c.mode, first, second)
		}
		if c.replay == ", replay: reject" && c.mode == "enforce" {
			// Memory outlives the snapshot that it was made under.
			if status, _ := w.get(target, before...); status != http.StatusUnauthorized {
				t.Errorf("a signature from before the reload: %d", status)
			}
		}
	}
	_, metrics := w.ops("/metrics")
	if !strings.Contains(metrics, `lockstep_auth_replays_total{endpoint="svc"} 5`) {
		t.Errorf("metrics:\n%s", metrics)
	}
	w.stop()
	counts := tallied(w.events(w.path("log/events.jsonl")))
	if counts["key/demo/k1 10.1.2.3 claimed ok"] != 8 || counts["key/demo 10.1.2.3 claimed fail replay"] != 3 {
		t.Errorf("tallies %v", counts)
	}
}

// TestReplayedFailuresStay makes sure that only what passed can become a replay.
func TestReplayedFailuresStay(t *testing.T) {
	t.Parallel()
	g := &ingress{replays: newReplays(maxReplays)}
	to := &route{auth: testAuth("demo", testKey(t, "key/demo/k1", "enforce", "s1"))}
	to.auth.replay = schemas.ReplayReject
	to.meters = &authMeters{}
	for range 2 {
		d := decide(to.auth, signed("s2", "/a", noon), noon)
		if g.lookForReplay(to, &d, noon); d.reason != schemas.ReasonSignature {
			t.Errorf("reason %s", d.reason)
		}
	}
}
