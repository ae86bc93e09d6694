package migrate

import (
	"math"
	"testing"
	"time"

	"lockstep/schemas"
)

func TestMinutesAfter(t *testing.T) {
	t.Parallel()
	m := minutes{}
	for _, at := range []time.Duration{0, 90 * time.Second, 59 * time.Minute, 200 * time.Minute} {
		m.add(noon.Add(at).UnixMilli())
	}
	for at, want := range map[time.Duration]time.Duration{
		-100 * time.Hour: 0, -time.Millisecond: 0, 0: time.Minute, 59 * time.Second: time.Minute,
		time.Minute: 59 * time.Minute, 59 * time.Minute: 200 * time.Minute, time.Hour: 200 * time.Minute,
	} {
		if got := m.after(noon.Add(at).UnixMilli()); got != noon.Add(want).UnixMilli() {
			t.Errorf("after %s comes %s, want %s", at, utc(got).Sub(noon), want)
		}
	}
	if got := m.after(noon.Add(200 * time.Minute).UnixMilli()); got != math.MaxInt64 {
		t.Errorf("after the last comes %d", got)
	}
}

// A node says that it observed a key in another way before, however the file
// dates it.
func TestLoadedSince(t *testing.T) {
	t.Parallel()
	key := func(mode schemas.Mode, fingerprint string) []schemas.SubjectState {
		return []schemas.SubjectState{{Subject: "key/a/k1", Mode: mode, Fingerprint: fingerprint}}
	}
	same, other := key(schemas.ModeObserve, "3fa9"), key(schemas.ModeObserve, "ffff")
	type beat struct {
		hours float64 // before noon
		said  []schemas.SubjectState
	}
	for name, test := range map[string]struct {
		beats []beat
		want  time.Time
	}{
		"always the same":      {[]beat{{5, same}, {3, same}, {1, same}}, time.Time{}},
		"in another spelling":  {[]beat{{5, []schemas.SubjectState{{Subject: "key/A/k1", Mode: schemas.ModeObserve, Fingerprint: "3fa9"}}}, {3, same}}, time.Time{}},
		"beside a new one":     {[]beat{{5, same}, {3, append(key(schemas.ModeDisabled, ""), observed("key/b/k1"))[1:]}, {2, append(same[:1:1], observed("key/b/k1"))}}, ago(2)},
		"another mode":         {[]beat{{5, key(schemas.ModeDisabled, "3fa9")}, {3, same}, {1, same}}, ago(3)},
		"another key":          {[]beat{{5, other}, {3, same}, {1, same}}, ago(3)},
		"a key that was gone":  {[]beat{{5, same}, {4, key(schemas.ModeObserve, "")}, {2, same}}, ago(2)},
		"not loaded":           {[]beat{{5, nil}, {3, same}}, ago(3)},
		"forth and back":       {[]beat{{5, same}, {4, other}, {3, same}, {2, other}, {1.5, same}, {1, same}}, ago(1.5)},
		"in the same minute":   {[]beat{{5, other}, {1.001, other}, {1, same}}, ago(1)},
		"a moment ago":         {[]beat{{5, same}, {1, other}}, ago(1)},
		"at the same moment":   {[]beat{{5, same}, {1, same}, {1, other}}, ago(1)},
		"in any order of time": {[]beat{{1, same}, {5, same}, {3, other}, {2, same}}, ago(2)},
	} {
		log := newEventLog()
		for _, b := range test.beats {
			log.add("n1", ago(b.hours), schemas.Event{Kind: schemas.EventHeartbeat, Subjects: b.said})
		}
		if got := fold(t, "", log.lines...).Nodes[0].state("key/A/k1").Since; !got.Equal(test.want) {
			t.Errorf("%s: since %s, want %s", name, minute(got), minute(test.want))
		}
	}
}

// Nodes may list their subjects in any order: it is one statement.
func TestStatementsIgnoreOrder(t *testing.T) {
	t.Parallel()
	a, b := observed("key/a/k1"), observed("key/b/k1")
	said := statements{}
	said.add(&schemas.Event{TimeMS: 1, Subjects: []schemas.SubjectState{a, b}})
	said.add(&schemas.Event{TimeMS: 2, Subjects: []schemas.SubjectState{b, a}})
	if len(said) != 1 {
		t.Errorf("%d statements, want one", len(said))
	}
}

// What counts begins when the last node had the key as it is now: neither the
// time in the file nor other nodes make up for it.
func TestGateCountsFromTheLastChange(t *testing.T) {
	t.Parallel()
	const days = 24.0
	state := func(mode schemas.Mode, fingerprint string) schemas.SubjectState {
		return schemas.SubjectState{Subject: "key/a/k1", Mode: mode, Fingerprint: fingerprint}
	}
	disabled, otherKey := state(schemas.ModeDisabled, "3fa9c1d2e4b5"), state(schemas.ModeObserve, "ffffffffffff")
	// changed makes a node report hourly what was, until so many hours before noon.
	changed := func(s *scene, node string, start, hours float64, was ...schemas.SubjectState) {
		for h := start - 0.5; h > hours; h-- {
			s.log.add(node, ago(h), schemas.Event{Kind: schemas.EventHeartbeat, Subjects: was})
		}
		for h := hours; h > 0; h-- {
			s.log.add(node, ago(h), schemas.Event{Kind: schemas.EventHeartbeat, Subjects: []schemas.SubjectState{observed("key/a/k1")}})
		}
		s.log.add(node, ago(0.01), schemas.Event{Kind: schemas.EventHeartbeat, Subjects: []schemas.SubjectState{observed("key/a/k1")}})
		s.request("web", verified, passed, 0.005)
	}
	runGate(t, map[string]gateTest{
		"observed for ten minutes": {
			func(s *scene) { changed(s, "n1", 8*days, 1.0/6, disabled) }, true,
			schemas.VerdictWait, "observed for 10m of 7d",
		},
		"loaded for ten minutes": {
			func(s *scene) { changed(s, "n1", 8*days, 1.0/6) }, true,
			schemas.VerdictWait, "observed for 10m of 7d",
		},
		"another key until three days ago": {
			func(s *scene) { changed(s, "n1", 8*days, 3*days, otherKey) }, true,
			schemas.VerdictWait, "observed for 3d of 7d",
		},
		"nobody has passed with the new key": {
			func(s *scene) {
				changed(s, "n1", 8*days, 1, otherKey)
				s.log.lines = s.log.lines[3 : len(s.log.lines)-1] // without the requests of web
				s.request("web", verified, passed, 50, 1.5)
			}, true,
			schemas.VerdictInconclusive, "no client has passed since 2026-11-21 11:00Z",
		},
		"one node of two": {
			func(s *scene) {
				s.log.beat("n1", ago(8*days), observed("key/a/k1"))
				changed(s, "n2", 8*days, 2*days, otherKey)
			}, true,
			schemas.VerdictWait, "observed for 2d of 7d",
		},
		"a node that came later does not set the clock back": {
			func(s *scene) {
				s.log.beat("n1", ago(8*days), observed("key/a/k1"))
				s.log.beat("n2", ago(2*days), observed("key/a/k1"))
			}, true,
			schemas.VerdictPromote, "",
		},
		"unless it had another key at first": {
			func(s *scene) {
				s.log.beat("n1", ago(8*days), observed("key/a/k1"))
				changed(s, "n2", 2*days, 1*days, otherKey)
			}, true,
			schemas.VerdictWait, "observed for 1d of 7d",
		},
		"failures with the old key do not count": {
			func(s *scene) {
				s.since("key/a/k1", ago(10*days))
				s.request("10.0.0.9", verified, failed, 8*days)
				changed(s, "n1", 9*days, 7.5*days, otherKey)
			}, true,
			schemas.VerdictPromote, "",
		},
		"failures with the new key do": {
			func(s *scene) {
				s.since("key/a/k1", ago(10*days))
				s.request("10.0.0.9", verified, failed, 7.2*days)
				changed(s, "n1", 9*days, 7.5*days, otherKey)
			}, true,
			schemas.VerdictBlocked, "",
		},
		"hours missing before the change do not count": {
			func(s *scene) {
				s.in.Policy.Gates = map[schemas.Tier]schemas.Gate{schemas.TierProduction: {MinWindow: new(schemas.Duration(24 * time.Hour))}}
				changed(s, "n1", 8*days, 2.9*days, otherKey)
				s.log.seq["n1"] += 5
				s.log.add("n1", ago(2.95*days), schemas.Event{Kind: schemas.EventHeartbeat, Subjects: []schemas.SubjectState{otherKey}})
			}, true,
			schemas.VerdictPromote, "",
		},
		"the other key of the app": {
			func(s *scene) {
				s.since("key/a/k2", ago(8*days))
				s.log.beat("n1", ago(5*days), observed("key/a/k1"), observed("key/a/k2"))
				s.log.add("n1", ago(6*days), schemas.Event{Kind: schemas.EventHeartbeat, Subjects: []schemas.SubjectState{observed("key/a/k1")}})
			}, true,
			schemas.VerdictWait, "observed for 4d 23h of 7d",
		},
	})
}
