package runtime

import (
	"hash/maphash"
	"net/http"
	"sync"
	"time"

	"lockstep/schemas"
)

// maxReplays bounds the signatures that are remembered: good for 8,700
// requests a second at Apollo's tolerance, and 20 MB at most.
const maxReplays = 1 << 20

// replays remembers signatures for as long as they are good. Only those that
// were right get in, so that whoever has no key cannot fill it. It outlives
// every snapshot and knows no endpoint: a signature that is used again at
// another listener is a replay as well.
//
// It holds two generations, of which the older one is dropped as a whole, and
// of each signature only a hash whose seed nobody knows.
type replays struct {
	seed   maphash.Seed
	limit  int // of a generation of a shard
	shards [64]replayShard
}

type replayShard struct {
	mu           sync.Mutex
	until        int64 // when fresh becomes stale, Unix time in milliseconds
	fresh, stale map[uint64]struct{}
	_            [32]byte // a cache line of its own
}

func newReplays(limit int) *replays {
	r := &replays{seed: maphash.MakeSeed()}
	r.limit = max(limit/2/len(r.shards), 1)
	return r
}

// seen reports whether a signature was seen in the last life milliseconds, and
// whether it could not be remembered for want of room.
func (r *replays) seen(signature string, nowMS, life int64) (again, full bool) {
	hash := maphash.String(r.seed, signature)
	shard := &r.shards[hash%uint64(len(r.shards))]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	shard.turn(nowMS, life)
	if _, again = shard.fresh[hash]; again {
		return true, false
	}
	if _, again = shard.stale[hash]; again {
		return true, false
	}
	if len(shard.fresh) >= r.limit {
		return false, true
	}
	shard.fresh[hash] = struct{}{}
	return false, false
}

// turn begins a generation when the last one is old enough, or when the clock
// was set back so far that it would never be.
func (s *replayShard) turn(nowMS, life int64) {
	switch {
	case nowMS < s.until && s.until-nowMS <= life:
		return
	case nowMS-s.until >= life:
		s.stale = nil
	default:
		s.stale = s.fresh
	}
	s.fresh, s.until = map[uint64]struct{}{}, nowMS+life
}

// lookForReplay counts a request whose signature was right and has been used
// before, and has it fail where the policy says so.
func (g *ingress) lookForReplay(to *route, d *decision, now time.Time) {
	if d.signature == "" || to.auth.replay == schemas.ReplayOff {
		return
	}
	// A time may be ahead of ours by the tolerance, and behind by as much.
	again, full := g.replays.seen(d.signature, now.UnixMilli(), 2*to.auth.tolerance.Milliseconds())
	switch {
	case full:
		to.meters.replayFull.Add(1)
	case again:
		to.meters.replays.Add(1)
		if to.auth.replay == schemas.ReplayReject {
			d.failReplay()
		}
	}
}

// failReplay turns a pass into a failure.
func (d *decision) failReplay() {
	d.subject, d.outcome, d.reason = d.app, schemas.OutcomeFail, schemas.ReasonReplay
	if d.mode == schemas.ModeEnforce {
		d.status = http.StatusUnauthorized
	}
}
