package migrate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	compare "github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

// A simplePairing is the reference of [pairing]: with texts and copies, and
// marks that are dropped as soon as they are too long ago.
type simplePairing struct {
	file          string
	begin, latest int64
	threads       map[string]Record
	tails         map[string][]Record
	heads         []Record
}

func (p *simplePairing) first(file string, r Record) bool {
	if file != p.file || p.threads == nil {
		p.turn(file, r.TimeMS)
	}
	if r.TimeMS > p.latest+pairWindow {
		p.latest = r.TimeMS
		p.forget()
	}
	before, ok := p.threads[r.Thread]
	p.threads[r.Thread] = r
	switch {
	case !r.Second:
		return true
	case ok:
		return !sameRequest(before, r)
	case r.TimeMS > p.begin+pairWindow:
		return true
	}
	p.heads = append(p.heads, r)
	return false
}

func (p *simplePairing) turn(file string, ms int64) {
	p.forget()
	for thread, r := range p.threads {
		if !r.Second {
			p.tails[thread] = append(p.tails[thread], r)
		}
	}
	p.file, p.begin, p.latest, p.threads = file, ms, ms, map[string]Record{}
}

func (p *simplePairing) forget() {
	maps.DeleteFunc(p.threads, func(_ string, r Record) bool { return r.TimeMS < p.latest-pairWindow })
}

func (p *simplePairing) rest() (firsts []Record) {
	slices.SortFunc(p.heads, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.TimeMS, b.TimeMS), cmp.Compare(a.Thread, b.Thread), cmp.Compare(a.Event.Client, b.Event.Client))
	})
	for _, tails := range p.tails {
		slices.SortFunc(tails, func(a, b Record) int { return cmp.Compare(a.TimeMS, b.TimeMS) })
	}
	used := map[string]bool{}
	for _, r := range p.heads {
		tails := p.tails[r.Thread]
		i := slices.IndexFunc(tails, func(before Record) bool { return sameRequest(before, r) })
		last, ok := p.threads[r.Thread]
		switch {
		case ok && !used[r.Thread] && sameRequest(last, r) && (i < 0 || last.TimeMS < tails[i].TimeMS):
			used[r.Thread] = true
		case i >= 0:
			p.tails[r.Thread] = slices.Delete(tails, i, i+1)
		default:
			firsts = append(firsts, r)
		}
	}
	return firsts
}

func sameRequest(a, b Record) bool {
	return !a.Second && a.Event.Subject == b.Event.Subject && a.Event.Client == b.Event.Client && a.TimeMS <= b.TimeMS && b.TimeMS <= a.TimeMS+pairWindow
}

// drawRecord draws a record of one of a few threads and clients, not long
// after the last one and sometimes before it.
func drawRecord(random *rand.Rand, ms *int64) Record {
	*ms += []int64{0, 1, 20, 400, 990, 1000, 1001, 3000, -5, -1500}[random.IntN(10)]
	return Record{
		TimeMS: *ms, Thread: fmt.Sprint("t", random.IntN(3)), Second: random.IntN(2) == 0, Counts: true,
		Event: schemas.Event{Kind: schemas.EventTally, Subject: "key/a", Client: []string{"10.0.0.1", "10.0.0.2", "(no address)"}[random.IntN(3)], Count: 1},
	}
}

// Whatever the order of the times, and wherever the state is stored and read
// again: a pairing says what the simple one says.
func TestPairingAgreesWithTheReference(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 11))
		want := simplePairing{tails: map[string][]Record{}}
		got, names := &pairing{}, newCallers()
		ms := int64(1_800_000_000_000)
		for i := range 400 {
			file := fmt.Sprint("file-", i/(20+int(seed%100)))
			r := drawRecord(random, &ms)
			if g, w := got.first(names, file, &r), want.first(file, r); g != w {
				t.Fatalf("seed %d, record %d %+v: first %t, want %t", seed, i, r, g, w)
			}
			if random.IntN(30) == 0 {
				got, names = stored(t, got, names), newCallers()
			}
			if random.IntN(10) == 0 { // as if there were many threads
				got.room = 0
				got.mark(names, fmt.Sprint("other-", i)).who = names.number("key/b", "10.0.0.9")
			}
		}
		if diff := compare.Diff(want.rest(), got.rest(names)); diff != "" {
			t.Fatalf("seed %d: the rest (-want +got):\n%s", seed, diff)
		}
	}
}

// stored is a pairing that was stored and read again.
func stored(t *testing.T, p *pairing, c *callers) *pairing {
	t.Helper()
	p.name(c)
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	read := &pairing{}
	if err := json.Unmarshal(text, read); err != nil {
		t.Fatal(err)
	}
	return read
}

func TestCallers(t *testing.T) {
	t.Parallel()
	c, seen := newCallers(), map[callerNumber]string{}
	for _, subject := range []string{"key/a", "key/b", ""} {
		for _, client := range []string{"10.0.0.1", "255.255.255.255", "0.0.0.0", "::1", "(no address)", "::ffff:10.0.0.1", "010.0.0.1", ""} {
			n := c.number(subject, client)
			if s, name := c.names(n); s != subject || name != client || seen[n] != "" || c.number(subject, client) != n {
				t.Errorf("%q %q has number %x, which is %q %q and was %s", subject, client, n, s, name, seen[n])
			}
			seen[n] = subject + " " + client
		}
	}
}
