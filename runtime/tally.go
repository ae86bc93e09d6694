package runtime

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lockstep/schemas"
)

// What clients with ever new names can take of the memory is bounded: by
// tallies of each class, and by clients that are remembered to have passed.
const (
	maxTallies = 100_000
	maxKnown   = 1 << 15
)

// A class of tallies has room of its own, so that strangers, which anybody can
// invent, do not push out those that pass.
type class uint8

// The classes.
const (
	passes   class = iota
	failures       // of clients that have passed
	strange        // failures of others
	classes
)

// rooms is how many tallies of each class there may be. There are at most so
// many failures of those that are known as they may have reasons, on two days.
// Of strangers there is less to learn, and all that is kept goes to the disk.
func rooms(limit int64) [classes]int64 {
	return [classes]int64{passes: limit, failures: 4 * limit, strange: limit / 10}
}

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
// are spread over shards with a lock each. All of a client is in one shard.
//
// What has no room is counted for [schemas.OverflowClient]. A pass in there
// says that clients went unseen; failures alone are those of strangers.
type tallies struct {
	seed   maphash.Seed
	room   [classes]int64
	known  int // clients in a generation of a shard
	size   [classes]atomic.Int64
	shards [64]tallyShard
}

type tallyShard struct {
	mu          sync.Mutex
	counts      map[tallyKey]*classTally
	fresh, aged map[appClient]struct{} // have passed; the older generation makes room for the younger
	_           [32]byte               // a cache line of its own
}

// appClient is a client of an app.
type appClient struct {
	app, client string
	how         schemas.How
}

type classTally struct {
	schemas.Tally
	class class
}

func newTallies(limit int64, known int) *tallies {
	t := &tallies{seed: maphash.MakeSeed(), room: rooms(limit)}
	t.known = max(known/2/len(t.shards), 1)
	return t
}

// add counts one request for an app at ms, a Unix time in milliseconds.
func (t *tallies) add(app string, key tallyKey, ms int64) {
	key.day = ms / dayMS
	who := appClient{app, key.client, key.how}
	shard := &t.shards[maphash.Comparable(t.seed, who)%uint64(len(t.shards))]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	tally := shard.counts[key]
	if tally == nil {
		tally = t.enter(shard, who, key)
	}
	tally.Add(ms)
}

// enter makes room for a tally, in the overflow if there is none of its own.
func (t *tallies) enter(shard *tallyShard, who appClient, key tallyKey) *classTally {
	who.client = strings.Clone(who.client) // it may be part of a long target
	key.client = who.client
	class := shard.class(who, key.outcome)
	if t.size[class].Load() >= t.room[class] {
		key.client = schemas.OverflowClient
		if tally := shard.counts[key]; tally != nil {
			return tally
		}
	} else if class == passes {
		shard.meet(who, t.known)
	}
	t.size[class].Add(1)
	if shard.counts == nil {
		shard.counts = map[tallyKey]*classTally{}
	}
	tally := &classTally{class: class}
	shard.counts[key] = tally
	return tally
}

func (s *tallyShard) class(who appClient, outcome schemas.Outcome) class {
	_, fresh := s.fresh[who]
	_, aged := s.aged[who]
	switch {
	case outcome == schemas.OutcomeOK:
		return passes
	case fresh || aged:
		return failures
	default:
		return strange
	}
}

// meet remembers that a client has passed. Where there is no room for more,
// those who have not passed for longest are forgotten.
func (s *tallyShard) meet(who appClient, limit int) {
	if _, met := s.fresh[who]; met {
		return
	}
	if s.fresh == nil || len(s.fresh) >= limit {
		s.aged, s.fresh = s.fresh, map[appClient]struct{}{}
	}
	s.fresh[who] = struct{}{}
}

// take hands over all counts and begins anew; each request is in exactly one
// hand-over.
func (t *tallies) take(visit func(tallyKey, *classTally)) {
	for i := range t.shards {
		shard := &t.shards[i]
		shard.mu.Lock()
		counts := shard.counts
		shard.counts = nil
		shard.mu.Unlock()
		for key, tally := range counts {
			t.size[tally.class].Add(-1)
			visit(key, tally)
		}
	}
}
