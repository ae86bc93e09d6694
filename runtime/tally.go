package runtime

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lockstep/schemas"
)

// maxTallies bounds the memory that clients with ever new names can take.
const maxTallies = 100_000

// tallyKey is a [schemas.TallyKey] as requests have it at hand.
type tallyKey struct {
	subject string
	client  string
	how     schemas.How
	outcome schemas.Outcome
	reason  schemas.Reason
	day     int64 // days since 1970, UTC
}

const dayMS = int64(24 * time.Hour / time.Millisecond)

// full adds what a process knows of itself.
func (k tallyKey) full(environment, node string) schemas.TallyKey {
	return schemas.TallyKey{
		Environment: environment, Node: node, Subject: k.subject, Client: k.client, How: k.how,
		Outcome: k.outcome, Reason: k.reason, Day: time.UnixMilli(k.day * dayMS).UTC().Format(time.DateOnly),
	}
}

// tallies counts requests exactly. Many goroutines add at once, so the counts
// are spread over shards with a lock each.
type tallies struct {
	seed   maphash.Seed
	limit  int64
	size   atomic.Int64 // tallies in all shards
	shards [64]tallyShard
}

type tallyShard struct {
	mu     sync.Mutex
	counts map[tallyKey]*schemas.Tally
	_      [48]byte // a cache line of its own
}

func newTallies(limit int64) *tallies {
	return &tallies{seed: maphash.MakeSeed(), limit: limit}
}

// add counts one request at ms, a Unix time in milliseconds.
func (t *tallies) add(key tallyKey, ms int64) {
	key.day = ms / dayMS
	if !t.addTo(key, ms) {
		key.client = schemas.OverflowClient
		t.addTo(key, ms)
	}
}

// addTo reports whether there was room for the key. There always is for those
// of the overflow, of which there are few.
func (t *tallies) addTo(key tallyKey, ms int64) bool {
	shard := &t.shards[maphash.Comparable(t.seed, key)%uint64(len(t.shards))]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	tally := shard.counts[key]
	if tally == nil {
		if t.size.Load() >= t.limit && key.client != schemas.OverflowClient {
			return false
		}
		t.size.Add(1)
		if shard.counts == nil {
			shard.counts = map[tallyKey]*schemas.Tally{}
		}
		key.client = strings.Clone(key.client) // it may be part of a long target
		tally = &schemas.Tally{}
		shard.counts[key] = tally
	}
	tally.Add(ms)
	return true
}

// take hands over all counts and begins anew; each request is in exactly one
// hand-over.
func (t *tallies) take(visit func(tallyKey, schemas.Tally)) {
	for i := range t.shards {
		shard := &t.shards[i]
		shard.mu.Lock()
		counts := shard.counts
		shard.counts = nil
		t.size.Add(-int64(len(counts)))
		shard.mu.Unlock()
		for key, tally := range counts {
			visit(key, *tally)
		}
	}
}
