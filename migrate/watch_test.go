package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// A bake is a rollout that is enforced since noon, and the events of after.
type bake struct {
	*site
	now   time.Time
	lines strings.Builder
	seq   uint64
	out   strings.Builder
	feed  func(poll int) // writes what has happened before a poll
	polls int
}

func newBake(t *testing.T) *bake {
	t.Helper()
	b := &bake{site: newSite(t), now: noon, feed: func(int) {}}
	plan := b.plan()
	b.mustApply(plan, "observe-1")
	b.mustApply(plan, "enforce-1")
	b.event("n1", schemas.Event{Kind: schemas.EventHeartbeat, TimeMS: noon.UnixMilli()})
	for i := range 5 {
		b.request(fmt.Sprintf("10.0.0.%d", i), schemas.HowVerified, "key/a/k1", "", noon.Add(-time.Hour))
	}
	return b
}

func (b *bake) event(node string, e schemas.Event) {
	b.seq++
	e.Environment, e.Node, e.Boot, e.Seq = "pro-eu", node, "b", b.seq
	line, err := e.Line()
	if err != nil {
		b.t.Fatal(err)
	}
	b.lines.Write(line)
}

// request is one of a client; it passes if there is no reason why not.
func (b *bake) request(client string, how schemas.How, subject string, reason schemas.Reason, at time.Time) {
	key := schemas.TallyKey{Subject: subject, Client: client, How: how, Outcome: schemas.OutcomeOK, Reason: reason, Day: at.Format(time.DateOnly)}
	if reason != "" {
		key.Outcome = schemas.OutcomeFail
	}
	var tally schemas.Tally
	tally.Add(at.UnixMilli())
	e := schemas.TallyEvent(key, tally)
	e.TimeMS = at.UnixMilli()
	b.event("n1", e)
}

func (b *bake) beat() {
	b.event("n1", schemas.Event{Kind: schemas.EventHeartbeat, TimeMS: b.now.UnixMilli()})
}

// watch runs with a clock that moves as it is waited for.
func (b *bake) watch(change func(*WatchOptions)) (WatchEnd, error) {
	o := WatchOptions{
		RolloutPath: b.path, Interval: time.Minute, Bake: 10 * time.Minute, Who: "watch", Out: &b.out,
		Now: func() time.Time { return b.now },
		Wait: func(ctx context.Context, d time.Duration) error {
			b.now = b.now.Add(d)
			return ctx.Err()
		},
		Rollout: func() (*schemas.Rollout, error) { return b.rollout(), nil },
		Gather: func(ctx context.Context) (*Evidence, error) {
			b.polls++
			b.feed(b.polls)
			files, err := NewFiles([]string{"-"}, strings.NewReader(b.lines.String()))
			if err != nil {
				return nil, err
			}
			return Gather(ctx, files, Options{Dialect: eventDialect{}})
		},
	}
	if change != nil {
		change(&o)
	}
	return RunWatch(b.t.Context(), o)
}

func TestWatchEnds(t *testing.T) {
	t.Parallel()
	const verified, claimed, key = schemas.HowVerified, schemas.HowClaimed, "key/a"
	tests := map[string]struct {
		feed  func(b *bake, poll int)
		end   WatchEnd
		polls int
		want  string
	}{
		"all is well": {func(b *bake, _ int) {
			b.beat()
			b.request("10.0.0.0", verified, "key/a/k1", "", b.now)
		}, WatchBaked, 11, "baked: enforced for 10m"},
		"refused and still refused": {func(b *bake, poll int) {
			if b.beat(); poll == 2 {
				b.request("10.0.0.1", verified, key, schemas.ReasonSignature, b.now)
			}
		}, WatchRefused, 3, "ALERT refused: key/a: 1 client is refused that passed before: 10.0.0.1 (signature)"},
		"refused anew at each poll, and passing between": {func(b *bake, _ int) {
			b.beat()
			b.request("10.0.0.1", verified, key, schemas.ReasonSignature, b.now)
			b.request("10.0.0.1", verified, "key/a/k2", "", b.now.Add(time.Second))
		}, WatchRefused, 2, "ALERT refused: key/a: 1 client"},
		"a slip": {func(b *bake, poll int) {
			if b.beat(); poll == 2 {
				b.request("10.0.0.1", verified, key, schemas.ReasonSkew, b.now)
				b.request("10.0.0.1", verified, "key/a/k2", "", b.now.Add(time.Second))
			}
		}, WatchBaked, 11, "1 refused that passed before"},
		"before it was enforced": {func(b *bake, _ int) {
			b.beat()
			b.request("10.0.0.1", verified, key, schemas.ReasonSkew, noon.Add(-time.Minute))
		}, WatchBaked, 11, ""},
		"an app that is not enforced": {func(b *bake, _ int) {
			b.beat()
			b.request("10.0.0.1", verified, "key/b", schemas.ReasonSkew, b.now)
		}, WatchBaked, 11, ""},
		"anybody can claim": {func(b *bake, poll int) {
			b.beat()
			for i := range 5 {
				b.request(fmt.Sprintf("10.0.0.%d", i), claimed, key, schemas.ReasonSignature, b.now)
				b.request(fmt.Sprintf("10.9.%d.%d", poll, i), claimed, key, schemas.ReasonMissing, b.now)
			}
		}, WatchBaked, 11, ""},
		"strangers, even verified": {func(b *bake, _ int) {
			b.beat()
			for i := range 5 {
				b.request(fmt.Sprintf("192.0.2.%d", i), verified, key, schemas.ReasonMissing, b.now)
			}
		}, WatchBaked, 11, ""},
		"the overflow": {func(b *bake, _ int) {
			b.beat()
			b.request(schemas.OverflowClient, verified, "key/a/k1", "", noon)
			b.request(schemas.OverflowClient, verified, key, schemas.ReasonMissing, b.now)
		}, WatchBaked, 11, ""},
		"three with one reason": {func(b *bake, poll int) {
			b.beat()
			for i := range 3 {
				if poll == 2 {
					b.request(fmt.Sprintf("10.0.0.%d", i), verified, key, schemas.ReasonSkew, b.now)
				}
			}
		}, WatchRefused, 2, "ALERT shared: 3 clients are refused and have the reason skew in common: 10.0.0.0, 10.0.0.1, 10.0.0.2"},
		"three with a reason each": {func(b *bake, poll int) {
			b.beat()
			for i, reason := range []schemas.Reason{schemas.ReasonSkew, schemas.ReasonMissing, schemas.ReasonSignature} {
				if poll == 2 {
					b.request(fmt.Sprintf("10.0.0.%d", i), verified, key, reason, b.now)
				}
			}
		}, WatchRefused, 3, "ALERT refused: key/a: 3 clients are refused"},
		"silence":       {func(*bake, int) {}, WatchBaked, 11, ""},
		"long silence":  {func(b *bake, _ int) { b.now = b.now.Add(8 * time.Minute) }, WatchBlind, 2, "ALERT blind: node n1 has been silent since 2026-11-21 12:00Z"},
		"another clock": {func(b *bake, _ int) { b.now = noon.Add(-2 * time.Hour) }, WatchBlind, 1, "ALERT blind: node n1 reports from the future"},
		"noise":         {func(b *bake, _ int) { b.lines.WriteString("CANARY\n") }, WatchBlind, 1, "lines were not understood"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBake(t)
			before := b.read()
			b.feed = func(poll int) { test.feed(b, poll) }
			end, err := b.watch(nil)
			if err != nil || end != test.end || b.polls != test.polls || !strings.Contains(b.out.String(), test.want) {
				t.Errorf("%s after %d polls, error %v, want %s after %d and %q in:\n%s", end, b.polls, err, test.end, test.polls, test.want, b.out.String())
			}
			if b.read() != before || strings.Contains(b.out.String(), "CANARY") {
				t.Error("without --auto a watch only reads")
			}
		})
	}
}

// With auto a watch steps back once, by the same rollback as a person would.
func TestWatchStepsBack(t *testing.T) {
	t.Parallel()
	b := newBake(t)
	b.feed = func(int) {
		b.beat()
		b.request("10.0.0.1\x1b[2J", schemas.HowVerified, "key/a/k1", "", noon.Add(-time.Hour))
		b.request("10.0.0.1\x1b[2J", schemas.HowVerified, "key/a", schemas.ReasonSignature, b.now)
	}
	end, err := b.watch(func(o *WatchOptions) { o.Auto = true })
	if err != nil || end != WatchRefused || b.modes() != "observe observe observe" {
		t.Errorf("%s, error %v, modes %s, want a step back", end, err, b.modes())
	}
	last := b.journal().last()
	if last.Action != schemas.ActionRollback || last.Who != "watch" || !strings.HasPrefix(last.Reason, "watch: key/a: 1 client is refused") {
		t.Errorf("the journal records %+v", last)
	}
	if strings.Contains(b.out.String(), "\x1b") {
		t.Errorf("a name reaches the terminal raw: %q", b.out.String())
	}
	if end, err := b.watch(nil); err != nil || end != WatchIdle {
		t.Errorf("%s, error %v, want nothing to watch", end, err)
	}
}

// Clients that the inventory expects count as known, and what they share takes
// whole batches back.
func TestWatchTakesBatchesBack(t *testing.T) {
	t.Parallel()
	b := newBake(t)
	inventory := &schemas.Inventory{}
	for i := range 3 {
		inventory.Clients = append(inventory.Clients, schemas.InventoryClient{App: "A", Client: fmt.Sprintf("192.0.2.%d", i)})
	}
	b.feed = func(int) {
		b.beat()
		for _, c := range inventory.Clients {
			b.request(c.Client, schemas.HowVerified, "key/a", schemas.ReasonMissing, b.now)
		}
	}
	end, err := b.watch(func(o *WatchOptions) { o.Inventory = inventory })
	want := "lockstep migrate rollback --rollout " + shellWord(b.path) + " --batch enforce-1 --reason "
	if err != nil || end != WatchRefused || !strings.Contains(b.out.String(), want) {
		t.Errorf("%s, error %v, want %q in:\n%s", end, err, want, b.out.String())
	}
}

// A watch of one batch leaves the others alone.
func TestWatchOfABatch(t *testing.T) {
	t.Parallel()
	b := newBake(t)
	for batch, want := range map[string]WatchEnd{"observe-1": WatchIdle, "enforce-1": WatchBaked} {
		b.now = noon
		if end, err := b.watch(func(o *WatchOptions) { o.Batch = batch }); err != nil || end != want {
			t.Errorf("%s: %s, error %v, want %s", batch, end, err, want)
		}
	}
}

// What cannot be read, and a person who ends it, are errors.
func TestWatchFails(t *testing.T) {
	t.Parallel()
	b := newBake(t)
	broken := errors.New("broken")
	for name, change := range map[string]func(*WatchOptions){
		"rollout": func(o *WatchOptions) { o.Rollout = func() (*schemas.Rollout, error) { return nil, broken } },
		"logs":    func(o *WatchOptions) { o.Gather = func(context.Context) (*Evidence, error) { return nil, broken } },
		"wait":    func(o *WatchOptions) { o.Wait = func(context.Context, time.Duration) error { return broken } },
	} {
		if end, err := b.watch(change); !errors.Is(err, broken) || end != "" {
			t.Errorf("%s: %s, error %v, want %v", name, end, err, broken)
		}
	}
	// A step back that fails says how to do it by hand.
	b.feed = func(int) {
		b.beat()
		b.request("10.0.0.1", schemas.HowVerified, "key/a", schemas.ReasonSignature, b.now)
	}
	release, err := lockJournal(journalPath(b.path))
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	_, err = b.watch(func(o *WatchOptions) { o.Auto = true })
	byHand := slices.ContainsFunc(schemas.Hints(err), func(hint string) bool { return strings.Contains(hint, "lockstep migrate rollback") })
	if !errors.Is(err, ErrLocked) || !byHand {
		t.Errorf("error %v with hints %q, want the command", err, schemas.Hints(err))
	}
}
