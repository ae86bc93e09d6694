package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// tripScene is a tripwire with the snapshot that it looks at. The key
// key/demo/k1 observes until it is promoted at noon.
type tripScene struct {
	t     *testing.T
	wire  *tripwire
	snap  *snapshot
	back  []schemas.Override
	fails error // of the next steps back
	log   bytes.Buffer
	state string
}

func newTripScene(t *testing.T) *tripScene {
	t.Helper()
	s := &tripScene{t: t, state: t.TempDir()}
	s.restart()
	s.serve(noon.Add(-7*24*time.Hour), s.entry(schemas.ModeObserve, noon.Add(-7*24*time.Hour)))
	s.snap.tripwire = tripLimits{Tripwire: schemas.Tripwire{Mode: schemas.TripwireAuto}.Effective(), bake: 4 * time.Hour}
	return s
}

// restart starts over with what is in the state directory.
func (s *tripScene) restart() {
	logger := slog.New(slog.NewTextHandler(&s.log, nil))
	server := &Server{opts: Options{Logger: logger}, metrics: newMetrics("test"), state: &state{dir: s.state, logger: logger}}
	s.wire = newTripwire(s.t.Context(), server)
	s.wire.stepBack = func(o schemas.Override) error {
		if s.fails == nil {
			s.back = append(s.back, o)
		}
		return s.fails
	}
}

func (s *tripScene) entry(mode schemas.Mode, since time.Time) *loadedKey {
	k := testKey(s.t, "key/demo/k1", mode, "s1")
	k.state.Since = since
	return k
}

// serve makes keys the ones that are served.
func (s *tripScene) serve(at time.Time, keys ...*loadedKey) {
	next := &snapshot{keys: keys, version: Version{Applied: at}}
	for _, k := range keys {
		k.entry = k.state.Digest()
	}
	if s.snap != nil {
		next.tripwire = s.snap.tripwire
	}
	next.override(keys, nil)
	s.snap = next
}

// promote enforces the key from noon on.
func (s *tripScene) promote() { s.serve(noon, s.entry(schemas.ModeEnforce, noon)) }

// hold puts an override of the key in force.
func (s *tripScene) hold(list ...schemas.Override) { s.snap.override(s.snap.keys, list) }

// sees shows the tripwire a request of a client at some time from noon on, or
// many of them.
func (s *tripScene) sees(client string, outcome schemas.Outcome, after ...time.Duration) {
	s.seesAs(client, schemas.HowVerified, outcome, after...)
}

func (s *tripScene) seesAs(client string, how schemas.How, outcome schemas.Outcome, after ...time.Duration) {
	key, tally := tallyKey{subject: "key/demo/k1", client: client, how: how, outcome: outcome}, schemas.Tally{}
	if outcome == schemas.OutcomeFail {
		key.subject, key.reason = "key/Demo", schemas.ReasonMissing
	}
	for _, d := range after {
		tally.Add(noon.Add(d).UnixMilli())
	}
	s.wire.see(key, tally)
}

// look has the tripwire judge at some time from noon on.
func (s *tripScene) look(after time.Duration) { s.wire.judge(s.snap, noon.Add(after)) }

func (s *tripScene) alerts() int { return s.counted("lockstep_tripwire_alerts_total") }

// counted sums a counter up.
func (s *tripScene) counted(name string) int {
	s.t.Helper()
	families, err := s.wire.metrics.registry.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		for _, metric := range f.GetMetric() {
			if f.GetName() == name {
				sum += metric.GetCounter().GetValue()
			}
		}
	}
	return int(sum)
}

const (
	passed  = schemas.OutcomeOK
	refused = schemas.OutcomeFail
	m       = time.Minute
	h       = time.Hour
)

// usual is a good client that is refused after the promotion.
func (s *tripScene) usual(client string) {
	s.sees(client, passed, -h)
	s.sees(client, refused, m)
}

// TestTripwire knows who counts, and when.
func TestTripwire(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(*tripScene) // the promotion
		after  func(*tripScene)
		look   time.Duration // from noon on; 2m if zero
		back   bool
		alerts int
	}{
		"two good clients": {after: func(s *tripScene) { s.usual("a"); s.usual("b") }, back: true, alerts: 2},
		"a few passed just before, and just fail": {after: func(s *tripScene) {
			s.sees("a", passed, -1*time.Millisecond)
			s.sees("b", passed, -24*h, -23*h)
			s.sees("a", refused, 0)
			s.sees("b", refused, 0)
		}, back: true, alerts: 2},
		"one client only, very often": {after: func(s *tripScene) {
			s.usual("a")
			for range 1000 {
				s.sees("a", refused, m, 2*m)
			}
		}, alerts: 1},
		"claimed": {after: func(s *tripScene) {
			s.sees("a", passed, -h)
			s.sees("b", passed, -h)
			s.seesAs("a", schemas.HowClaimed, refused, m)
			s.seesAs("b", schemas.HowClaimed, refused, m)
		}},
		"claimed before": {after: func(s *tripScene) {
			s.seesAs("a", schemas.HowClaimed, passed, -h)
			s.seesAs("b", schemas.HowClaimed, passed, -h)
			s.sees("a", refused, m)
			s.sees("b", refused, m)
		}},
		"strangers, and one good client": {after: func(s *tripScene) {
			s.usual("a")
			for i := range 1000 {
				s.sees(fmt.Sprint("stranger", i), refused, m)
			}
		}, alerts: 1},
		"a share of the traffic": {after: func(s *tripScene) { // all of it fails, but for one request
			for range 1000 {
				s.sees("new", refused, m)
			}
			s.sees("a", passed, -h, m)
			s.sees("b", passed, -h)
		}},
		"passed too long ago": {after: func(s *tripScene) {
			for _, client := range []string{"a", "b"} {
				s.sees(client, passed, -24*h-1*time.Millisecond)
				s.sees(client, refused, m)
			}
		}},
		"passed only after the promotion": {after: func(s *tripScene) {
			for _, client := range []string{"a", "b"} {
				s.sees(client, passed, 0)
				s.sees(client, refused, m)
			}
		}},
		"failed only before": {after: func(s *tripScene) {
			for _, client := range []string{"a", "b"} {
				s.sees(client, passed, -h)
				s.sees(client, refused, -1*time.Millisecond)
			}
		}},
		"pass again": {after: func(s *tripScene) {
			for _, client := range []string{"a", "b"} {
				s.usual(client)
				s.sees(client, passed, 2*m)
			}
		}},
		"both before and after in one tally": {after: func(s *tripScene) {
			for _, client := range []string{"a", "b"} {
				s.sees(client, passed, -m, m)
				s.sees(client, refused, -2*m, 2*m)
			}
		}, back: true, alerts: 2},
		"the overflow": {after: func(s *tripScene) { s.usual(schemas.OverflowClient); s.usual("a") }, alerts: 1},
		"another app": {after: func(s *tripScene) {
			for _, client := range []string{"a", "b"} {
				s.sees(client, passed, -h)
				s.wire.see(tallyKey{subject: "key/demo2", client: client, how: schemas.HowVerified, outcome: refused}, schemas.Tally{Count: 1, FirstMS: noon.UnixMilli(), LastMS: noon.UnixMilli()})
			}
		}},
		"after the bake": {look: 4*h + m, after: func(s *tripScene) {
			for _, client := range []string{"a", "b"} {
				s.sees(client, passed, -h)
				s.sees(client, refused, 4*h)
			}
		}},
		"at the end of the bake": {look: 4*h - 1, after: func(s *tripScene) {
			for _, client := range []string{"a", "b"} {
				s.sees(client, passed, -h)
				s.sees(client, refused, 4*h-time.Millisecond)
			}
		}, back: true, alerts: 2},
		"promoted without bake": {before: func(s *tripScene) { s.snap.tripwire.bake = 0 }, after: func(s *tripScene) { s.usual("a"); s.usual("b") }},
		"fewer than the policy wants": {
			before: func(s *tripScene) { s.snap.tripwire.Clients = 3 }, alerts: 1,
			after: func(s *tripScene) { s.usual("a"); s.usual("b") },
		},
		"as many as the policy wants": {
			before: func(s *tripScene) { s.snap.tripwire.Clients = 3 }, alerts: 2, back: true,
			after: func(s *tripScene) { s.usual("a"); s.usual("b"); s.usual("c") },
		},
		"alert": {
			before: func(s *tripScene) { s.snap.tripwire.Mode = schemas.TripwireAlert }, alerts: 2,
			after: func(s *tripScene) { s.usual("a"); s.usual("b") },
		},
		"off": {
			before: func(s *tripScene) { s.snap.tripwire.Mode = schemas.TripwireOff },
			after:  func(s *tripScene) { s.usual("a"); s.usual("b") },
		},
		"overridden": {after: func(s *tripScene) {
			s.hold(schemas.Override{Subject: "key/demo/k1", Mode: schemas.ModeObserve})
			s.usual("a")
			s.usual("b")
		}},
		"a brownout that is over": {after: func(s *tripScene) {
			k := s.entry(schemas.ModeEnforce, noon)
			k.state.Until, k.state.Then = noon.Add(m), schemas.ModeObserve
			s.serve(noon, k)
			s.usual("a")
			s.usual("b")
		}},
		"not in the share": {after: func(s *tripScene) {
			k := s.entry(schemas.ModeEnforce, noon)
			k.state.Share = 1
			s.serve(noon, k)
			for i := range 20 {
				if client := fmt.Sprint("c", i); !schemas.InShare("demo", client, 1) {
					s.usual(client)
				}
			}
		}},
		"in the share": {after: func(s *tripScene) {
			k := s.entry(schemas.ModeEnforce, noon)
			k.state.Share = 50
			s.serve(noon, k)
			for i := range 20 {
				s.usual(fmt.Sprint("c", i))
			}
		}, back: true, alerts: 2},
		"no longer listed": {after: func(s *tripScene) {
			s.snap.keys[0].entry = ""
			s.usual("a")
			s.usual("b")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTripScene(t)
			if c.before != nil {
				c.before(s)
			}
			s.look(-h)
			s.promote()
			c.after(s)
			if c.look == 0 {
				c.look = 2 * m
			}
			for range 3 { // however often it looks
				s.look(c.look)
			}
			if len(s.back) > 1 || (len(s.back) == 1) != c.back || s.alerts() != c.alerts {
				t.Errorf("%d steps back %v and %d alerts, want %t and %d; log:\n%s", len(s.back), s.back, s.alerts(), c.back, c.alerts, s.log.String())
			}
			for _, o := range s.back {
				if o.Subject != "key/demo/k1" || o.Mode != schemas.ModeObserve || o.Who != "tripwire" || o.Check() != nil {
					t.Errorf("override %+v: %v", o, o.Check())
				}
			}
		})
	}
}

// TestTripwireOnce steps back once for a promotion, also if that is undone by
// hand, and again for the next one.
func TestTripwireOnce(t *testing.T) {
	t.Parallel()
	s := newTripScene(t)
	s.look(-h)
	s.promote()
	s.usual("a")
	s.usual("b")
	s.look(2 * m)
	s.hold(schemas.Override{Subject: "key/demo/k1", Mode: schemas.ModeObserve})
	s.look(3 * m)
	s.hold()
	for i, restart := range []bool{false, true, false} {
		if restart {
			s.restart()
		}
		at := time.Duration(4+i) * m
		s.sees("a", refused, at)
		s.sees("b", refused, at)
		s.look(at)
	}
	if len(s.back) != 1 {
		t.Fatalf("%d steps back", len(s.back))
	}
	s.serve(noon.Add(h), s.entry(schemas.ModeEnforce, noon.Add(h)))
	for _, client := range []string{"a", "b"} {
		s.sees(client, passed, h/2)
		s.sees(client, refused, h+m)
	}
	s.look(h + 2*m)
	if len(s.back) != 2 {
		t.Errorf("%d steps back after the second promotion", len(s.back))
	}
}

// TestTripwireRestarts at every place of the story.
func TestTripwireRestarts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		restart [5]bool // before the passes, the promotion, each refusal, and the end
		down    bool    // during the promotion
	}{
		"never":                       {},
		"before the promotion":        {restart: [5]bool{false, true}},
		"during the promotion":        {restart: [5]bool{false, true}, down: true},
		"between promotion and first": {restart: [5]bool{2: true}},
		"between the refusals":        {restart: [5]bool{3: true}},
		"all the time":                {restart: [5]bool{true, true, true, true, true}, down: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTripScene(t)
			next := 0
			step := func() {
				if c.restart[next] {
					s.restart()
				}
				next++
			}
			step()
			s.look(-2 * h)
			s.sees("a", passed, -h)
			s.sees("b", passed, -h)
			s.look(-h + m)
			if !c.down {
				step()
			}
			s.promote()
			if c.down {
				step()
			}
			s.look(m)
			step()
			s.sees("a", refused, 2*m)
			s.look(2 * m)
			step()
			s.sees("b", refused, 3*m)
			s.look(3 * m)
			step()
			s.look(4 * m)
			if len(s.back) != 1 {
				t.Errorf("%d steps back; log:\n%s", len(s.back), s.log.String())
			}
		})
	}
}

// TestTripwireTriesAgain if the step back could not be stored.
func TestTripwireTriesAgain(t *testing.T) {
	t.Parallel()
	s := newTripScene(t)
	s.look(-h)
	s.promote()
	s.usual("a")
	s.usual("b")
	s.fails = errors.New("no room")
	s.look(2 * m)
	s.look(3 * m)
	if n := strings.Count(s.log.String(), "the tripwire cannot step back"); n != 2 || s.alerts() != 1 {
		t.Errorf("%d failures in the log, %d alerts", n, s.alerts())
	}
	s.fails = nil
	s.look(4 * m)
	if len(s.back) != 1 || s.alerts() != 2 {
		t.Errorf("%d steps back, %d alerts", len(s.back), s.alerts())
	}
}

// TestTripwireOfTwoKeys steps back once for an app, by the key that was
// promoted last: the others are held with it.
func TestTripwireOfTwoKeys(t *testing.T) {
	t.Parallel()
	s := newTripScene(t)
	s.look(-h)
	first, second := s.entry(schemas.ModeEnforce, noon), testKey(t, "key/demo/k2", schemas.ModeEnforce, "s2")
	second.state.Since = noon
	s.serve(noon, first)
	s.sees("a", passed, -h)
	s.sees("b", passed, -h)
	s.look(m)
	s.serve(noon.Add(h), first, second)
	s.sees("a", refused, h+m)
	s.sees("b", refused, h+m)
	s.look(h + 2*m)
	s.look(h + 3*m)
	if len(s.back) != 1 || s.back[0].Subject != "key/demo/k2" {
		t.Errorf("steps back %+v", s.back)
	}
}

// TestTripwireIsBounded remembers so many clients and no more, and says so.
func TestTripwireIsBounded(t *testing.T) {
	t.Parallel()
	s := newTripScene(t)
	s.wire.limit = 3
	s.look(-h)
	for i := range 10 {
		s.sees(fmt.Sprint("early", i), passed, -h)
	}
	s.look(-h + m)
	s.promote()
	for i := range 10 {
		s.sees(fmt.Sprint("late", i), passed, -m)
	}
	s.look(m)
	if len(s.wire.passes) != 3 || len(s.wire.promotions[schemas.Subject{App: "demo", ID: "k1"}].good) != 3 {
		t.Errorf("%d clients and %+v", len(s.wire.passes), s.wire.promotions)
	}
	if left := s.counted("lockstep_tripwire_left_out_total"); left != 7+10+10 || strings.Count(s.log.String(), "too many clients") != 1 {
		t.Errorf("%d left out; log:\n%s", left, s.log.String())
	}
	s.look(25 * h)
	if len(s.wire.passes)+len(s.wire.promotions) > 0 {
		t.Errorf("a day later %d clients and %d promotions are left", len(s.wire.passes), len(s.wire.promotions))
	}
}

// TestTripwireForgets what it knew if the file is no good; nothing is assumed.
func TestTripwireForgets(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty": "", "no JSON": "{", "another version": `{"version":2}`, "unknown field": `{"version":1,"x":1}`,
		"no subject":   `{"version":1,"promotions":[{"subject":"x"}]}`,
		"null witness": `{"version":1,"promotions":[{"subject":"key/demo/k1","entry":"e","at":"2026-11-21T12:00:00Z","good":{"a":null,"b":null}}]}`,
	} {
		s := newTripScene(t)
		path := filepath.Join(s.state, tripwireFile)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s.restart()
		s.promote()
		s.sees("a", refused, m)
		s.sees("b", refused, m)
		s.look(2 * m)
		if len(s.back) > 0 || s.alerts() > 0 {
			t.Errorf("%s: %v", name, s.back)
		}
		if lost := strings.Contains(s.log.String(), "makes no sense and is set aside"); lost != (name != "null witness") {
			t.Errorf("%s: log %s", name, s.log.String())
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// TestTripwireStateIsWrittenRarely: a client that passes all the time is news
// once an hour.
func TestTripwireStateIsWrittenRarely(t *testing.T) {
	t.Parallel()
	s := newTripScene(t)
	s.look(0)
	writes := 0
	for i := range 180 {
		s.sees("a", passed, time.Duration(i)*m)
		_ = os.Remove(filepath.Join(s.state, tripwireFile))
		s.look(time.Duration(i) * m)
		if _, err := os.Stat(filepath.Join(s.state, tripwireFile)); err == nil {
			writes++
		}
	}
	if writes != 3 {
		t.Errorf("%d writes in three hours", writes)
	}
}

// TestTripwireIsBlind where it could never step back.
func TestTripwireIsBlind(t *testing.T) {
	t.Parallel()
	auto := schemas.Tripwire{Mode: schemas.TripwireAuto}
	for _, c := range []struct {
		limits    tripLimits
		recording bool
		want      string
	}{
		{tripLimits{auto, time.Hour}, true, ""},
		{tripLimits{schemas.Tripwire{}.Effective(), 0}, false, ""},
		{tripLimits{auto, time.Hour}, false, "--events"},
		{tripLimits{auto, 0}, true, "batches"},
	} {
		if got := strings.Join(c.limits.blind(c.recording), ""); !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("%+v: %q, want %q", c.limits, got, c.want)
		}
	}
}

// BenchmarkTripwire looks at ten thousand clients, as once a minute.
func BenchmarkTripwire(b *testing.B) {
	s := &tripScene{t: &testing.T{}}
	s.wire = &tripwire{logger: slog.New(slog.DiscardHandler), metrics: newMetrics("test"), limit: maxRemembered, passes: passTimes{}, promotions: map[schemas.Subject]*promotion{}}
	key := testKey(b, "key/demo/k1", schemas.ModeEnforce, "s1")
	key.state.Since = noon
	s.serve(noon, key)
	s.snap.tripwire = tripLimits{Tripwire: schemas.Tripwire{}.Effective(), bake: time.Hour}
	for i := range 10_000 {
		s.sees(fmt.Sprint("10.0.", i/256, ".", i%256), passed, -h)
	}
	s.look(0)
	b.ReportAllocs()
	for b.Loop() {
		for i := range 10_000 {
			s.sees(fmt.Sprint("10.0.", i/256, ".", i%256), passed, m)
		}
		s.look(m)
	}
}
