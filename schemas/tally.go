package schemas

import (
	"math"
	"math/bits"
	"time"
)

// A TallyKey is what a [Tally] counts by.
type TallyKey struct {
	Environment string
	Node        string
	Subject     string // key/<app>/<id> for ok and for [ReasonShadowed], else key/<app>; tls/<endpoint_id> of a handshake
	Client      string
	How         How
	Outcome     Outcome
	Reason      Reason
	Day         string // UTC, 2006-01-02
}

// A Tally is the unit of evidence: how often and when, for one key and day.
// Merging tallies is associative and commutative, so it does not matter who
// folded what.
type Tally struct {
	Count   uint64
	FirstMS int64
	LastMS  int64
	Hours   uint32 // bit h: traffic in UTC hour h
}

// hourBit is the bit of the UTC hour in which ms lies.
func hourBit(ms int64) uint32 { return 1 << (ms / time.Hour.Milliseconds() % 24) }

// Add counts one request at ms, a Unix time in milliseconds of the tally's day.
func (t *Tally) Add(ms int64) {
	t.Merge(Tally{Count: 1, FirstMS: ms, LastMS: ms, Hours: hourBit(ms)})
}

// Merge adds what other counted.
func (t *Tally) Merge(other Tally) {
	if t.Count == 0 {
		*t = other
		return
	}
	t.Count = SumCounts(t.Count, other.Count)
	t.FirstMS = min(t.FirstMS, other.FirstMS)
	t.LastMS = max(t.LastMS, other.LastMS)
	t.Hours |= other.Hours
}

// SumCounts adds counts and stays at the highest one where the sum has no
// room: a log may say anything, and a count that wraps around would make many
// failures look like none.
func SumCounts(a, b uint64) uint64 {
	sum, carry := bits.Add64(a, b, 0)
	if carry > 0 {
		return math.MaxUint64
	}
	return sum
}

// Tally splits a tally event into its key and counts.
func (e *Event) Tally() (TallyKey, Tally) {
	key := TallyKey{
		Environment: e.Environment, Node: e.Node, Subject: e.Subject, Client: e.Client,
		How: e.How, Outcome: e.Outcome, Reason: e.Reason, Day: e.Day,
	}
	return key, Tally{Count: e.Count, FirstMS: e.FirstMS, LastMS: e.LastMS, Hours: e.Hours}
}

// TallyEvent is the inverse of [Event.Tally]; the caller adds Boot, Seq and TimeMS.
func TallyEvent(key TallyKey, t Tally) Event {
	return Event{
		Kind: EventTally, Environment: key.Environment, Node: key.Node, Subject: key.Subject,
		Client: key.Client, How: key.How, Outcome: key.Outcome, Reason: key.Reason, Day: key.Day,
		Count: t.Count, FirstMS: t.FirstMS, LastMS: t.LastMS, Hours: t.Hours,
	}
}
